"""The timed pass: a second worker, inputs that never repeat, answers compared with the scored ones, two clocks.

Worker A makes the scored images, worker B the timed ones. B meets every image in several variants (mirrored,
turned, shifted), each once, in random order after a warm-up, so answering from a cache, skipping work when timed,
or random output show without knowing how the cheat works. B's own times count only where the parent's clock,
less a gap calibrated on a control model, agrees with them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.types import Image
from eval.failures import SubmissionFailed
from eval.harness.worker_process import Answer, Setup, WorkerProcess
from eval.integrity import clocks
from eval.protocol.job import ControlSource
from eval.records.schema import Flag, SubmissionInfo
from eval.runtime import inputs
from eval.submissions.submission import Submission

WARM_UPS = 3
CROSS_CHECKS = 4
CALIBRATION_REQUESTS = 20
CALIBRATION_SIZES = 4
# Share of a worker's own time that may be missing before its times are rejected. Seen on two cores shared with
# two other busy processes: 0.10. A cheat worth trying hides more, and even less than this is flagged.
MISSING_SHARE = 0.25
# The same per request, in ms: a CPU worker can lose its core for some scheduler ticks between two clock readings.
SLACK_MS = {"cpu": 20.0, "cuda": 0.5}
DOUBTFUL = "timing doubtful"


class GapCalibration:
    """Parent's wall time minus the worker's own time for a control model, by image size, once per batch."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._gaps: dict[int, float] = {}
        self._worker: WorkerProcess | None = None

    @property
    def slack_ms(self) -> float:
        """Time per request that the device's scheduling may cost unseen."""
        return SLACK_MS[self._setup.device.partition(":")[0]]

    def prepare(self) -> None:
        """Start the control worker, so that importing torch is done when `measure` needs it."""
        if self._worker is None and not self._gaps:
            self._worker = WorkerProcess(_control(), self._setup)

    def measure(self, sizes: Sequence[tuple[int, int]]) -> None:
        """Calibrate for `sizes` (height, width); at most four of them are run, others interpolated by pixels."""
        if self._gaps:
            return
        try:
            self._gaps = self._measured(sizes)
        except SubmissionFailed:  # the control worker was killed: no submission's fault, so once more
            self._gaps = self._measured(sizes)

    def _measured(self, sizes: Sequence[tuple[int, int]]) -> dict[int, float]:
        self.prepare()
        worker, self._worker = self._worker, None
        assert worker is not None
        with worker:
            worker.load()
            ordered = sorted(set(sizes), key=lambda size: size[0] * size[1])
            picked = {
                ordered[round(i * (len(ordered) - 1) / (CALIBRATION_SIZES - 1))]
                for i in range(CALIBRATION_SIZES)
            }
            return {height * width: _gap(worker, height, width) for height, width in picked}

    def gap_ms(self, height: int, width: int) -> float:
        pixels = sorted(self._gaps)
        return float(np.interp(height * width, pixels, [self._gaps[count] for count in pixels]))

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _control() -> Submission:
    return Submission(SubmissionInfo(model="control"), ControlSource(), ())


def _gap(worker: WorkerProcess, height: int, width: int) -> float:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    answers = [worker.forward(np.roll(noise, i, 0), "calibration") for i in range(CALIBRATION_REQUESTS)]
    return clocks.calibrate_gap([a.wall_ms for a in answers], [a.worker_ms for a in answers])


@dataclass(frozen=True)
class TimedPass:
    """What the timed pass measured: per image the counted samples in ms, and what speaks against them."""

    samples_ms: list[list[float]]
    cold_ms: float
    doubt: Flag | None


def plan(n_images: int, repeats: int) -> list[inputs.TimedInput]:
    """A fresh random order; the seed is never shown to a worker."""
    return inputs.plan_timing(range(n_images), repeats, WARM_UPS, random.SystemRandom().getrandbits(32))


def cross_checks(planned: Sequence[inputs.TimedInput]) -> list[inputs.TimedInput]:
    """Some counted inputs other than plain images, which the scoring worker answers too (untimed)."""
    changed = [one for one in planned if not one.warm_up and one.variant != inputs.Variant()]
    return random.SystemRandom().sample(changed, min(CROSS_CHECKS, len(changed)))


def run(
    worker: WorkerProcess,
    planned: Sequence[inputs.TimedInput],
    images: Sequence[Image],
    gap: GapCalibration,
    met: Callable[[inputs.TimedInput, Image], None],
) -> TimedPass:
    """Time `planned` on `worker`, each answer shown to `met`; nothing else may run meanwhile."""
    answers: list[tuple[inputs.TimedInput, Answer]] = []
    for one in planned:
        answer = worker.forward(inputs.apply_variant(images[one.image], one.variant), f"{one.image} (timed)")
        met(one, answer.image)
        answers.append((one, Answer(answer.image[:0], answer.wall_ms, answer.worker_ms)))
    counted = [(one, answer) for one, answer in answers if not one.warm_up]
    doubt = judge([answer for _, answer in counted], [images[one.image].shape[:2] for one, _ in counted], gap)
    samples: list[list[float]] = [[] for _ in images]
    for one, answer in counted:
        samples[one.image].append(answer.worker_ms)
    return TimedPass(samples, answers[0][1].worker_ms, doubt)


def judge(answers: Sequence[Answer], sizes: Sequence[tuple[int, ...]], gap: GapCalibration) -> Flag | None:
    """Why the worker's times are in doubt, or None. `sizes`: (height, width) of each input.

    "timing mismatch": more time is missing than a busy machine explains, the times must not be used.
    "timing doubtful": the clocks disagree by so little that the machine's other work may be the reason; the
    times are kept and shown with the flag.
    """
    wall_ms, worker_ms = [answer.wall_ms for answer in answers], [answer.worker_ms for answer in answers]
    gaps_ms = [gap.gap_ms(height, width) for height, width in sizes]
    reason = clocks.disbelieved(wall_ms, worker_ms, gaps_ms)
    if reason is None:
        return None
    missing_ms = sum(
        wall - own - gap_ms for wall, own, gap_ms in zip(wall_ms, worker_ms, gaps_ms, strict=True)
    )
    possible = all(0 < own <= wall for wall, own in zip(wall_ms, worker_ms, strict=True))
    excusable_ms = MISSING_SHARE * sum(worker_ms) + gap.slack_ms * len(answers)
    if possible and missing_ms <= excusable_ms:
        return Flag(name=DOUBTFUL, reason=f"{reason}; was the machine busy with something else?")
    return Flag(name="timing mismatch", reason=reason)


def believed(doubt: Flag | None) -> bool:
    """Whether times with this doubt may be used."""
    return doubt is None or doubt.name == DOUBTFUL
