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

from data.types import Image
from eval.failures import SubmissionFailed
from eval.harness.worker_process import WorkerProcess
from eval.harness.worker_setup import Setup
from eval.integrity.recount import Recounted
from eval.protocol.job import TracedSource
from eval.records.flags import FlagName
from eval.records.schema import Flag, SubmissionInfo
from eval.submissions.submission import Submission


def recounted(
    worker: WorkerProcess,
    setup: Setup,
    data_range: float,
    image: Image,
    change: Callable[[Image], Image],
    keep: Callable[[Image], None],
) -> Recounted | Flag:
    """Let `worker` trace `image` (uint8 HxWx3), and a clean worker run the trace on the changed image.

    keep: gets the answer. A network that cannot be traced raises a flag.
    """
    info = SubmissionInfo(model="traced network")
    traced = Submission(info, TracedSource(data_range=data_range), ())
    try:
        with WorkerProcess(traced, setup, worker.graph) as clean:  # it imports torch meanwhile
            worker.export(image)
            clean.load()
            answer, counted = clean.recount(change(image))
    except SubmissionFailed as failure:
        return FlagName.COMPLEXITY_NOT_CONFIRMED.because(
            f"the network cannot be counted outside its own process: {failure}"
        )
    keep(answer)
    height, width = image.shape[:2]
    return Recounted(height, width, counted.macs, counted.products, counted.weights, counted.uncounted)
