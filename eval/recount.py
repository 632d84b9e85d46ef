"""The count of operations, checked where no team's code ever ran.

Every other figure about a network's work comes from the process that runs the team's code, which can patch any
counter. So the parent picks one of the images that were scored already; that process writes down the operators that
make it, and a second, clean one runs these, counted, on an input of the same size that nobody could know: the image
shifted at random. The timed worker meets that input too. Both answers must be equal, or else the graph is not the
submission (on the image itself it might hand out an answer that was put into it); and the work per pixel must be what
was claimed. A graph that does less work than claimed and still makes the same images is what every team looks for, and
no lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.counts import SIZE, Complexity
from eval.doubts import NOT_ESTABLISHED, PARAMETERS_ELSEWHERE, SIZE_FACTOR, WEIGHT_SHARE, Doubt
from eval.failures import SubmissionFailed
from eval.results import SubmissionInfo
from eval.submission import Submission
from eval.workers import Setup, WorkerProcess

NOT_CONFIRMED = "complexity not confirmed"
# Below this, what a windowed network adds around an image says more about the image's size than about the network.
LEAST_SIDE = 128

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Recounted:
    """The traced network run once, counted. uncounted: operators that may do much work and have no formula."""

    height: int
    width: int
    macs: int
    weights: int
    uncounted: str


def run(
    worker: WorkerProcess,
    setup: Setup,
    data_range: float,
    image: Image,
    change: Callable[[Image], Image],
    keep: Callable[[Image], None],
) -> Recounted | Doubt:
    """Let `worker` trace `image` (uint8 HxWx3), and a clean worker run the trace on the changed image.

    keep: gets the answer. A network that cannot be traced is a doubt.
    """
    info = SubmissionInfo(model="traced network")
    traced = Submission(info, "graph", {"allow_pickle": False, "data_range": data_range}, ())
    try:
        with WorkerProcess(traced, setup, worker.graph) as clean:  # it imports torch meanwhile
            worker.export(image)
            clean.load()
            answer, macs, weights, uncounted = clean.recount(change(image))
    except SubmissionFailed as failure:
        return Doubt(NOT_CONFIRMED, f"the network cannot be counted outside its own process: {failure}")
    keep(answer)
    return Recounted(image.shape[0], image.shape[1], macs, weights, uncounted)


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
