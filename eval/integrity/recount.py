"""The worker's count of operations compared with the count of a process that ran no team code."""

from __future__ import annotations

from dataclasses import dataclass

from eval.integrity.complexity import PRODUCT_SHARE, SIZE_FACTOR, WEIGHT_SHARE, light_work, scored_figure
from eval.protocol.complexity_report import SIZE, CountedComplexity
from eval.records.flags import FlagName
from eval.records.schema import Flag

# Below this, what a windowed network adds around an image says more about the image's size than about the network.
LEAST_SIDE = 128


@dataclass(frozen=True)
class Recounted:
    """The traced network run once, counted.

    macs: by formulas for operators. products: elements of products that a sum took up. touched: elements that light
    operators handled. uncounted: operators that may do much work and have no formula.
    """

    height: int
    width: int
    macs: int
    products: int
    touched: int
    weights: int
    uncounted: str


def compare(counted: CountedComplexity, again: Recounted | Flag, difference: int | None) -> list[Flag]:
    """Compare the counts of the team's process with those of the clean one.

    difference: in grey levels, of the traced network's answer from the timed worker's; None where it gave none.
    """
    if isinstance(again, Flag):
        return [again]
    if difference is None or difference > 1:
        text = "no image to compare with" if difference is None else f"{difference} grey levels off"
        return [
            FlagName.COMPLEXITY_NOT_CONFIRMED.because(
                f"the traced network gives another image than the submission ({text})"
            )
        ]
    return [*_work_flags(counted, again), *_weight_flags(counted, again), *_hidden_flags(again)]


def _work_flags(counted: CountedComplexity, again: Recounted) -> list[Flag]:
    claimed = (scored_figure(counted).macs or 0) / SIZE**2
    found = _work(again) / (again.height * again.width)
    if 0 < max(claimed, found) <= SIZE_FACTOR * min(claimed, found):
        return []
    reason = (
        f"{claimed / 1e3:.4g} k per pixel counted beside the team's code, {found / 1e3:.4g} k without it, on an "
        f"image of {again.width}x{again.height}"
    )
    large = min(again.height, again.width) >= LEAST_SIDE
    name = FlagName.COMPLEXITY_NOT_ESTABLISHED if large else FlagName.COMPLEXITY_NOT_CONFIRMED
    return [name.because(reason)]


def _work(again: Recounted) -> int:
    return again.macs + (again.products if again.products > PRODUCT_SHARE * again.macs else 0)


def _weight_flags(counted: CountedComplexity, again: Recounted) -> list[Flag]:
    if again.weights <= (1 + WEIGHT_SHARE) * (counted.parameters + counted.weights_elsewhere):
        return []
    reason = f"the traced network holds {again.weights} weights, parameters() counts {counted.parameters}"
    return [FlagName.PARAMETERS_ELSEWHERE.because(reason)]


def _hidden_flags(again: Recounted) -> list[Flag]:
    """Work of the traced network that no formula counts."""
    reasons = [light_work(_work(again), again.products, again.touched)]
    if again.uncounted:
        reasons.append(f"no formula counts: {again.uncounted}")
    return [
        FlagName.COMPLEXITY_NOT_ESTABLISHED.because(f"in the traced network, {reason}")
        for reason in reasons
        if reason
    ]
