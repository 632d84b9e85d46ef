"""The timed pass: a second worker, inputs that never repeat, answers compared with the scored ones, two clocks.

Worker A makes the scored images, worker B the timed ones. After a warm-up, B meets every image in several variants
(mirrored, turned, shifted), each once and in random order. Answers from a cache, work skipped when timed and random
output therefore show, however the cheat works. B's own times count only if they agree with the parent's clock, less
a gap that was calibrated on a control model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from data.types import Image
from eval.harness.timing.calibration import GapCalibration
from eval.harness.timing.threads import ThreadWatch
from eval.harness.worker_process import Answer, WorkerProcess
from eval.host.load import LoadWatch, OtherLoad
from eval.integrity import clocks
from eval.records.flags import FlagName
from eval.records.schema import Flag
from eval.runtime import inputs

WARM_UPS = 3
CROSS_CHECKS = 4
# Share of a worker's own time that may be missing before its times are rejected. Two cores shared with two other
# busy processes gave 0.10. A cheat worth trying hides more, and less than this is still flagged.
MISSING_SHARE = 0.25
# Share of the machine that other programs may use while a worker is timed.
BUSY_SHARE = 0.25
PLANS = 20  # drawn at most, until no input repeats


@dataclass(frozen=True)
class TimedPass:
    """What the timed pass measured: per image the counted samples in ms, and what speaks against them.

    notes: flags that do not make the times less credible.
    """

    samples_ms: list[list[float]]
    cold_ms: float
    doubt: Flag | None
    notes: tuple[Flag, ...] = ()


def plan_inputs(sizes: Sequence[tuple[int, int]], repeats: int) -> list[inputs.TimedInput]:
    """A fresh random order of inputs for images of `sizes` (height, width). No worker ever sees the seed.

    A warm-up that would equal another input by chance is drawn again, since a cache could answer the second one. In
    images of a few pixels that cannot always be avoided.
    """
    for _ in range(PLANS):
        seed = random.SystemRandom().getrandbits(32)
        planned = inputs.plan_timing(range(len(sizes)), repeats, WARM_UPS, seed)
        if len({_bytes_of(one, sizes[one.image]) for one in planned}) == len(planned):
            break
    return planned


def _bytes_of(one: inputs.TimedInput, size: tuple[int, int]) -> tuple[int, inputs.Variant]:
    """Equal for two inputs of equal bytes: shifts go round the image."""
    change = one.variant
    return one.image, replace(change, shift_y=change.shift_y % size[0], shift_x=change.shift_x % size[1])


def cross_checks(planned: Sequence[inputs.TimedInput]) -> list[inputs.TimedInput]:
    """Some counted inputs other than plain images, which the scoring worker answers too (untimed)."""
    changed = [one for one in planned if not one.warm_up and one.variant != inputs.Variant()]
    return random.SystemRandom().sample(changed, min(CROSS_CHECKS, len(changed)))


def run_timed_pass(
    worker: WorkerProcess,
    planned: Sequence[inputs.TimedInput],
    images: Sequence[Image],
    gap: GapCalibration,
    met: Callable[[inputs.TimedInput, Answer], None],
) -> TimedPass:
    """Time `planned` on `worker` and show each answer to `met`. Nothing else of the harness may run meanwhile."""
    watch, threads = LoadWatch(), ThreadWatch(worker)
    answers: list[tuple[inputs.TimedInput, Answer]] = []
    for one in planned:
        answer = worker.forward(inputs.apply_variant(images[one.image], one.variant), f"{one.image} (timed)")
        met(one, answer)
        answers.append((one, Answer(answer.image[:0], answer.wall_ms, answer.worker_ms)))
    notes = threads.flags([answer for _, answer in answers])
    counted = [(one, answer) for one, answer in answers if not one.warm_up]
    judged = judge_times(
        [answer for _, answer in counted],
        [images[one.image].shape[:2] for one, _ in counted],
        gap,
        watch.others(),
    )
    samples: list[list[float]] = [[] for _ in images]
    for (one, _), time_ms in zip(counted, judged.times_ms, strict=True):
        samples[one.image].append(time_ms)
    return TimedPass(samples, answers[0][1].worker_ms, judged.doubt, tuple(notes))


@dataclass(frozen=True)
class JudgedTimes:
    """What is used of a worker's times. times_ms: as stated, or their upper bounds if the clocks leave room."""

    doubt: Flag | None
    times_ms: list[float]


def judge_times(
    answers: Sequence[Answer],
    sizes: Sequence[tuple[int, ...]],
    gap: GapCalibration,
    others: OtherLoad | None = None,
) -> JudgedTimes:
    """Which times are used, and why they are in doubt. sizes: (height, width) of each input.

    others: what other programs used of the machine during the pass.
    "timing mismatch": no network is so fast, or more time is missing than a busy machine explains. The times must not
    be used.
    "timing doubtful": the machine was busy, or the clocks disagree by so little that its other work may be the
    reason. The times are kept and shown with the flag. If clocks disagree, upper bounds take the place of stated times.
    "timing bound": the clocks leave room for more than 5%. Upper bounds take the place of stated times.
    """
    wall_ms, worker_ms = [answer.wall_ms for answer in answers], [answer.worker_ms for answer in answers]
    gaps_ms = [gap.gap_ms(height, width) for height, width in sizes]
    control_ms = [gap.control_ms(height, width) for height, width in sizes]
    if impossible := clocks.too_fast(worker_ms, control_ms):
        return JudgedTimes(FlagName.TIMING_MISMATCH.because(impossible), worker_ms)
    reason = clocks.disbelieved(wall_ms, worker_ms, gaps_ms)
    busy = others is not None and others.share > BUSY_SHARE
    if reason is None:
        more_ms = clocks.unexplained_ms(wall_ms, worker_ms, gaps_ms)
        if bound := clocks.unresolved(worker_ms, more_ms):
            upper_ms = [own + more for own, more in zip(worker_ms, more_ms, strict=True)]
            return JudgedTimes(FlagName.TIMING_BOUND.because(bound), upper_ms)
        doubt = FlagName.TIMING_DOUBTFUL.because(_unreliable(others)) if busy and gap.on_cpu else None
        return JudgedTimes(doubt, worker_ms)
    missing_ms = sum(
        wall - own - gap_ms for wall, own, gap_ms in zip(wall_ms, worker_ms, gaps_ms, strict=True)
    )
    possible = all(0 < own <= wall for wall, own in zip(wall_ms, worker_ms, strict=True))
    excusable_ms = MISSING_SHARE * sum(worker_ms) + gap.slack_ms * len(answers)
    if possible and missing_ms <= excusable_ms:
        upper_ms = [max(wall - gap, own) for wall, own, gap in zip(wall_ms, worker_ms, gaps_ms, strict=True)]
        return JudgedTimes(FlagName.TIMING_DOUBTFUL.because(f"{_unreliable(others)}; {reason}"), upper_ms)
    return JudgedTimes(FlagName.TIMING_MISMATCH.because(reason), worker_ms)


def _unreliable(others: OtherLoad | None) -> str:
    if others is None:
        return "runtime unreliable: the machine was busy"
    if others.share > BUSY_SHARE:
        return f"runtime unreliable: the machine was busy ({others.describe()})"
    return f"runtime unreliable: the machine was briefly busy ({others.describe()} in the mean)"


def believed(doubt: Flag | None) -> bool:
    """Whether times with this doubt may be used."""
    return doubt is None or doubt.name != FlagName.TIMING_MISMATCH.value
