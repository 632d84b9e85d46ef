"""How many repeats and rounds a campaign needs, and when an entry may leave it.

Repeats inside a process follow from what a repeat and a process cost and from how much each varies: T. Kalibera and
R. Jones, Rigorous benchmarking in reasonable time, ISMM 2013, equations for the optimal numbers of repetitions. Looks
at the results share the error: with K planned looks each uses 1 - alpha / K (Bonferroni), so that looking often makes
no entry look separated by chance.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.runtime.rank_sets import RankSet

PILOT_ROUNDS, PILOT_REPEATS = 3, 10
HALF_WIDTH = 0.0025  # of an entry's interval, relative: narrower than any two neighbours of a published table
MOST_REPEATS = 50


@dataclass(frozen=True)
class Spread:
    """Variances of log times in a pilot. within: of one repeat inside a process. between: of processes and rounds."""

    within: float
    between: float


def spread(rounds: Sequence[Sequence[float]]) -> Spread:
    """Variance components of one entry's pilot.

    rounds: per round (a process each), the logarithms of the times of its repeats, the same image throughout.
    between = variance of the rounds' means - within / repeats, not below 0 (Kalibera and Jones 2013, section 6).
    Raises ValueError for fewer than two rounds or two repeats.

    >>> spread([[0.0, 0.2], [1.0, 1.2]]).within
    0.02
    """
    if len(rounds) < 2 or any(len(repeats) < 2 for repeats in rounds):
        raise ValueError("a pilot needs at least two rounds of two repeats each")
    within = statistics.fmean(statistics.variance(repeats) for repeats in rounds)
    repeats = statistics.fmean(len(one) for one in rounds)
    means = statistics.variance([statistics.fmean(one) for one in rounds])
    return Spread(round(within, 15), max(means - within / repeats, 0.0))


def best_repeats(found: Spread, repeat_s: float, process_s: float) -> int:
    """Repeats inside a process that give the narrowest interval for the time spent.

    repeat_s, process_s: seconds of one repeat over all images, and of starting a process up to its first timed image.
    sqrt(process_s / repeat_s * within / between), at least 1 and at most 50.

    >>> best_repeats(Spread(within=0.0004, between=0.0001), repeat_s=0.5, process_s=4.5)
    6
    """
    if found.between <= 0:
        return MOST_REPEATS
    best = math.sqrt(process_s / repeat_s * found.within / found.between)
    return min(max(math.ceil(best - 1e-9), 1), MOST_REPEATS)


def needed_rounds(found: Spread, repeats: int, half_width: float = HALF_WIDTH) -> int:
    """Rounds after which the 95% interval is about as narrow as `half_width` (relative), at least 2.

    >>> needed_rounds(Spread(within=0.0, between=0.0001), repeats=5, half_width=0.01)
    4
    """
    variance = found.between + found.within / max(repeats, 1)
    return max(math.ceil(variance * (1.96 / half_width) ** 2), 2)


def look_confidence(looks: int, confidence: float = 0.95) -> float:
    """The confidence of each of the planned looks, so that all together keep `confidence`.

    >>> round(look_confidence(5), 4)
    0.99
    """
    return 1 - (1 - confidence) / max(looks, 1)


def finished(
    sets: Mapping[str, RankSet], half_widths: Mapping[str, float], half_width: float = HALF_WIDTH
) -> dict[str, str]:
    """Entries that need no further round, with the rule that says so.

    sets: at this look's confidence. half_widths: relative, of each entry's interval.

    >>> finished({"a": RankSet(1, 1), "b": RankSet(2, 3)}, {"a": 0.01, "b": 0.01})
    {'a': 'its rank cannot change any more'}
    """
    found = {}
    for entry, one in sets.items():
        if one.low == one.high:
            found[entry] = "its rank cannot change any more"
        elif half_widths[entry] < half_width:
            found[entry] = f"its interval is narrower than ±{half_width:.2%}"
    return found
