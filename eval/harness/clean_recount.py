"""The count of operations, checked where no team's code ever ran.

Every other figure about a network's work comes from the process that runs the team's code, which can patch any
counter. So that process writes down the operators that make one scored image, and a second, clean one runs them. It
counts them on a warm-up input of the same size that nobody could know: the image shifted at random. Then it answers
inputs that are drawn in secret among the counted ones, and scored images.

The timed worker meets these inputs too. All answers must be equal, or else the graph is not the submission (on the
image itself it might hand out an answer that was put into it). The work per pixel must be what was claimed. A graph
that does less work than claimed and still makes the same images is what every team looks for, and no lie.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from data.types import Image, Split
from eval.failures import SubmissionFailed
from eval.harness.worker_process import WorkerProcess
from eval.harness.worker_setup import Setup
from eval.integrity.graph_answers import GraphAnswers
from eval.integrity.outputs import Key
from eval.integrity.recount import Recounted
from eval.protocol.job import TracedSource
from eval.records.flags import FlagName
from eval.records.schema import Flag, SubmissionInfo
from eval.runtime.inputs import TimedInput, Variant, apply_variant
from eval.submissions.submission import Submission

# How many counted inputs and scored images the traced network answers, if there are as many of its size.
COUNTED_INPUTS, PLAIN_IMAGES = 3, 2


@dataclass(frozen=True)
class DrawnInputs:
    """Inputs for the traced network, all of one size, since a trace may hold for one size only.

    traced: the scored image that is traced. unmet: the change of it that is counted, a warm-up of the timed worker.
    counted: inputs of the timed worker whose times count. plain: scored images.
    """

    traced: Key
    unmet: Variant
    counted: Sequence[tuple[Key, Variant]]
    plain: Sequence[Key]


def draw_inputs(
    planned: Mapping[Split, Sequence[TimedInput]], sizes: Mapping[Key, tuple[int, int]]
) -> DrawnInputs:
    """Draw what nobody can know. planned: the timed worker's inputs. sizes: height and width of every scored image."""
    secret = random.SystemRandom()
    keyed = [((split, one.image), one) for split, some in planned.items() for one in some]
    traced, unmet = secret.choice([(key, one) for key, one in keyed if one.warm_up])
    alike = [key for key, size in sizes.items() if size == sizes[traced]]
    counted = [(key, one.variant) for key, one in keyed if key in alike and not one.warm_up]
    return DrawnInputs(
        traced,
        unmet.variant,
        secret.sample(counted, min(COUNTED_INPUTS, len(counted))),
        secret.sample(alike, min(PLAIN_IMAGES, len(alike))),
    )


def recounted(
    worker: WorkerProcess,
    setup: Setup,
    data_range: float,
    drawn: DrawnInputs,
    image: Callable[[Key], Image],
    answers: GraphAnswers,
) -> Recounted | Flag:
    """Let `worker` trace a scored image, and a clean worker run the trace on the drawn inputs.

    image: the LR image of a key, uint8 HxWx3. answers: gets all answers. A network that cannot be traced raises a flag.
    """
    info = SubmissionInfo(model="traced network")
    source = Submission(info, TracedSource(data_range=data_range), ())
    traced = image(drawn.traced)
    try:
        with WorkerProcess(source, setup, worker.graph) as clean:  # it imports torch meanwhile
            worker.export(traced)
            clean.load()
            answer, counted = clean.recount(apply_variant(traced, drawn.unmet))
            answers.keep(drawn.traced, drawn.unmet, answer)
            for key, change in drawn.counted:
                other = clean.forward(apply_variant(image(key), change), "of the traced network")
                answers.keep(key, change, other.image, other.worker_ms)
            for key in drawn.plain:
                answers.keep_plain(key, clean.forward(image(key), "of the traced network").image)
    except SubmissionFailed as failure:
        return FlagName.COMPLEXITY_NOT_CONFIRMED.because(
            f"the network cannot be counted outside its own process: {failure}"
        )
    height, width = traced.shape[:2]
    work = counted.macs, counted.products, counted.touched
    return Recounted(height, width, *work, counted.weights, counted.uncounted)
