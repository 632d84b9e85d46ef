"""Do the rank sets hold? Made-up leaderboards with known truth, drift, heavy tails and process effects.

    python -m bench.rank_sets [--boards 1000] [--entries 16] [--rounds 5] [--image_noise 0.02 ...]

Each board has true ratios with near ties, a random walk over a campaign, noise of each process (Student's t with four
degrees, scaled to the spread between processes), and noise of each image. It is judged from one plain pass, and from
rounds with a baseline before and after. Prints how often the sets contain the true ranks of all entries at once.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.runtime.rank_sets import rank_sets

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Board:
    """What is made up. Relative standard deviations: process to process, and of a whole walk over a round."""

    entries: int
    rounds: int
    process_noise: float
    drift: float


def truth(board: Board, generator: np.random.Generator) -> Array:
    """Log ratios to the baseline: steps between neighbours from 0.1% to 10%, as in published tables."""
    steps = np.exp(generator.uniform(np.log(0.001), np.log(0.1), board.entries))
    return np.log(0.6) + np.cumsum(steps)[generator.permutation(board.entries)]


def measured(board: Board, true: Array, generator: np.random.Generator) -> Array:
    """R x n log ratios: random order, a baseline first, last and after every four entries, drift in between."""
    figures = np.empty((board.rounds, board.entries))
    spread = board.process_noise * np.exp(generator.normal(0, 0.4, board.entries))  # some entries vary more
    for number in range(board.rounds):
        order = generator.permutation(board.entries)
        walk = np.cumsum(generator.normal(0, board.drift / np.sqrt(2 * board.entries), 2 * board.entries + 2))
        noise = generator.standard_t(4, board.entries) / np.sqrt(2) * spread
        for start in range(0, board.entries, 4):
            inside = order[start : start + 4]
            base = [walk[2 * start + offset] for offset in (0, len(inside) + 1)]
            base = [value + generator.standard_t(4) / np.sqrt(2) * board.process_noise for value in base]
            for place, entry in enumerate(inside, 1):
                share = place / (len(inside) + 1)
                baseline = np.log((1 - share) * np.exp(base[0]) + share * np.exp(base[1]))
                figures[number, entry] = true[entry] + noise[entry] + walk[2 * start + place] - baseline
    return figures


def ranks(values: Array) -> NDArray[np.intp]:
    return values.argsort().argsort() + 1


def tau(first: Array, second: Array) -> float:
    """Kendall's tau of two orders without ties."""
    upper = np.triu_indices(len(first), 1)
    agree = np.sign(first[:, None] - first[None])[upper] * np.sign(second[:, None] - second[None])[upper]
    return float(agree.mean())


def run(board: Board, boards: int) -> None:
    """Judge `boards` boards and print one line."""
    generator = np.random.default_rng(7)
    held, widths, taus, plain_taus, wrong = 0, [], [], [], 0
    for _ in range(boards):
        true = truth(board, generator)
        figures = measured(board, true, generator)
        means = figures.mean(axis=0)
        sets = rank_sets(figures, np.ones(board.entries), means, draws=1000)
        right = [one.low <= rank <= one.high for one, rank in zip(sets, ranks(true), strict=True)]
        held += all(right)
        wrong += len(right) - sum(right)
        widths += [one.high - one.low + 1 for one in sets]
        taus.append(tau(means, true))
        plain_taus.append(tau(figures[0], true))
    print(
        f"{board.entries:>7} {board.rounds:>6} {board.process_noise:>8.1%} {board.drift:>6.1%} {held / boards:>9.1%} "
        f"{wrong:>6} {np.median(widths):>6.0f} {np.mean(widths):>6.2f} "
        f"{np.mean(taus):>7.3f} {np.mean(plain_taus):>7.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.rank_sets", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--boards", type=int, default=1000)
    parser.add_argument("--entries", type=int, nargs="+", default=[8, 16, 30])
    parser.add_argument("--rounds", type=int, nargs="+", default=[3, 5, 10])
    parser.add_argument("--process_noise", type=float, nargs="+", default=[0.01, 0.03])
    parser.add_argument("--drift", type=float, nargs="+", default=[0.05])
    options = parser.parse_args()
    print(
        f"{options.boards} boards each. held: all true ranks inside at once; wrong: entries outside, of all boards"
    )
    print("entries rounds  process  drift      held  wrong median   mean     tau  1 round")
    for entries in options.entries:
        for rounds in options.rounds:
            for noise in options.process_noise:
                for drift in options.drift:
                    run(Board(entries, rounds, noise, drift), options.boards)


if __name__ == "__main__":
    main()
