"""Design of an interleaved campaign: the order inside a round, baseline brackets, and a round's figure.

Randomised multiple interleaved trials: A. Abedi and T. Brecht, Conducting repeatable experiments in highly variable
cloud computing environments, ICPE 2017. Every round measures each entry once, in fresh processes and in random order,
with the baseline before and after every few of them. What a machine does over minutes and hours then falls on all
entries alike, and what remains of it is taken out by the two baseline runs beside each entry.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

BRACKET = 4  # entries between two runs of the baseline
DRIFT = 0.05  # relative change between two baseline runs that repeats the bracket


@dataclass(frozen=True)
class Bracket:
    """Entries that are run one after the other between two runs of the baseline."""

    entries: tuple[str, ...]


@dataclass(frozen=True)
class Estimate:
    """An entry's runtime as a ratio to the baseline's, over rounds. low, high: its 95% interval, None for one round."""

    ratio: float
    low: float | None
    high: float | None
    rounds: int

    @property
    def half_width(self) -> float:
        """Half the interval's length, relative to the ratio; infinite for one round."""
        if self.low is None or self.high is None:
            return math.inf
        return (self.high - self.low) / (2 * self.ratio)


def brackets(entries: Sequence[str], generator: random.Random, size: int = BRACKET) -> list[Bracket]:
    """One round: all entries in random order, in brackets of at most `size`.

    The baseline runs first, last and between two brackets. Raises ValueError for a size below 1.

    >>> [len(one.entries) for one in brackets(["a", "b", "c", "d", "e"], random.Random(0))]
    [4, 1]
    """
    if size < 1:
        raise ValueError(f"bracket of {size} entries: expected at least 1")
    order = generator.sample(list(entries), len(entries))
    return [Bracket(tuple(order[start : start + size])) for start in range(0, len(order), size)]


def drift(before_ms: Sequence[float], after_ms: Sequence[float]) -> float:
    """Relative change between two baseline runs; times in ms, one per image.

    >>> round(drift([10.0, 10.0], [10.5, 10.5]), 3)
    0.049
    """
    return abs(math.log(math.fsum(after_ms) / math.fsum(before_ms)))


def ratio(
    times_ms: Sequence[float], before_ms: Sequence[float], after_ms: Sequence[float], share: float
) -> float:
    """An entry's figure in one round: its time over the baseline's, interpolated to the moment it ran.

    times_ms:            per image, the median over its repeats.
    before_ms, after_ms: the same of the two baseline runs around it, for the same images.
    share:               where it ran between those two, 0 to 1.

    q = sum(t) / ((1 - w) sum(b0) + w sum(b1)). Raises ValueError for lists of different lengths, for a time that is
    not positive, and for a share outside 0..1.

    >>> ratio([8.0, 8.0], [10.0, 10.0], [6.0, 6.0], 0.5)
    1.0
    """
    if not len(times_ms) == len(before_ms) == len(after_ms) > 0:
        raise ValueError(
            f"{len(times_ms)}, {len(before_ms)} and {len(after_ms)} times: expected as many of each"
        )
    if not 0 <= share <= 1:
        raise ValueError(f"share {share!r}: expected 0 to 1")
    if not all(math.isfinite(time) and time > 0 for time in (*times_ms, *before_ms, *after_ms)):
        raise ValueError("a time is not a positive number of milliseconds")
    baseline = (1 - share) * math.fsum(before_ms) + share * math.fsum(after_ms)
    return math.fsum(times_ms) / baseline


def estimate(ratios: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The ratio over rounds: exp(mean of logarithms), with Student's t interval over rounds.

    Raises ValueError for no ratio, or one that is not positive.

    >>> found = estimate([0.50, 0.51, 0.49])
    >>> round(found.ratio, 4), round(found.low, 3), round(found.high, 3)
    (0.4999, 0.476, 0.525)
    """
    if not ratios or not all(math.isfinite(one) and one > 0 for one in ratios):
        raise ValueError(f"ratios {list(ratios)!r}: expected positive numbers, at least one")
    logs = [math.log(one) for one in ratios]
    centre = statistics.fmean(logs)
    if len(logs) == 1:
        return Estimate(math.exp(centre), None, None, 1)
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    reach = float(special.stdtrit(len(logs) - 1, (1 + confidence) / 2)) * error
    return Estimate(math.exp(centre), math.exp(centre - reach), math.exp(centre + reach), len(logs))
