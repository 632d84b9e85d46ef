"""The worker's count of operations compared with the count of a process that ran no team code."""

from __future__ import annotations

from dataclasses import dataclass

from eval.integrity.complexity import NOT_ESTABLISHED, PARAMETERS_ELSEWHERE, SIZE_FACTOR, WEIGHT_SHARE, Doubt
from eval.protocol.complexity_report import SIZE, Complexity

NOT_CONFIRMED = "complexity not confirmed"
# Below this, what a windowed network adds around an image says more about the image's size than about the network.
LEAST_SIDE = 128


@dataclass(frozen=True)
class Recounted:
    """The traced network run once, counted. uncounted: operators that may do much work and have no formula."""

    height: int
    width: int
    macs: int
    weights: int
    uncounted: str


def judge(counted: Complexity, again: Recounted | Doubt, difference: int | None) -> list[Doubt]:
    """Compare the counts of the team's process with those of the clean one.

    difference: in grey levels, of the traced network's answer from the timed worker's; None where it gave none.
    """
    if isinstance(again, Doubt):
        return [again]
    if difference is None or difference > 1:
        text = "no image to compare with" if difference is None else f"{difference} grey levels off"
        return [Doubt(NOT_CONFIRMED, f"the traced network gives another image than the submission ({text})")]
    return [*_work_doubts(counted, again), *_weight_doubts(counted, again), *_uncounted_doubts(again)]


def _work_doubts(counted: Complexity, again: Recounted) -> list[Doubt]:
    claimed = (counted.flops_fvcore or 0) / SIZE**2
    found = again.macs / (again.height * again.width)
    if 0 < max(claimed, found) <= SIZE_FACTOR * min(claimed, found):
        return []
    reason = (
        f"{claimed / 1e3:.4g} k per pixel counted beside the team's code, {found / 1e3:.4g} k without it, on an "
        f"image of {again.width}x{again.height}"
    )
    large = min(again.height, again.width) >= LEAST_SIDE
    return [Doubt(NOT_ESTABLISHED if large else NOT_CONFIRMED, reason)]


def _weight_doubts(counted: Complexity, again: Recounted) -> list[Doubt]:
    if again.weights <= (1 + WEIGHT_SHARE) * (counted.parameters + counted.weights_elsewhere):
        return []
    reason = f"the traced network holds {again.weights} weights, parameters() counts {counted.parameters}"
    return [Doubt(PARAMETERS_ELSEWHERE, reason)]


def _uncounted_doubts(again: Recounted) -> list[Doubt]:
    if not again.uncounted:
        return []
    return [Doubt(NOT_ESTABLISHED, f"the traced network does work that no formula counts: {again.uncounted}")]
