"""The gap between the parent's clock and a worker's, measured on a control model that does nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from eval.failures import SubmissionFailed
from eval.harness.worker_process import Answer, WorkerProcess
from eval.harness.worker_setup import Setup
from eval.integrity import clocks
from eval.protocol.job import ControlSource
from eval.records.schema import SubmissionInfo
from eval.submissions.submission import Submission

CALIBRATION_SIZES = 4
# The gap is the least of several requests. Small images get all of them; large ones, whose gap is steadier in
# proportion, get as many as fit into a moment.
_LEAST_REQUESTS, _MOST_REQUESTS, _MOMENT_S = 6, 20, 0.25
# Per request, in ms: a CPU worker can lose its core for some scheduler ticks between two clock readings.
_SLACK_MS = {"cpu": 20.0, "cuda": 0.5}


class GapCalibration:
    """Parent's wall time minus the worker's own time for a control model, by image size, once per batch."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._gaps: dict[int, float] = {}
        self._control: dict[int, float] = {}
        self._worker: WorkerProcess | None = None
        self._loaded = False

    @property
    def slack_ms(self) -> float:
        """Time per request that the device's scheduling may cost unseen."""
        return _SLACK_MS[self._setup.device.partition(":")[0]]

    @property
    def on_cpu(self) -> bool:
        """Whether networks run on the processors that other programs use too."""
        return self._setup.device == "cpu"

    def prepare(self) -> None:
        """Start the control worker, so that it imports torch while the submission's worker does."""
        if self._worker is None and not self._gaps:
            self._worker, self._loaded = WorkerProcess(_control(), self._setup), False

    def settle(self) -> None:
        """Wait until a control worker that was started has loaded, so that it is idle from now on."""
        if self._worker is None or self._loaded:
            return
        try:
            self._worker.load()
            self._loaded = True
        except SubmissionFailed:  # killed by somebody: `measure` starts another one
            self.close()

    def measure(self, sizes: Sequence[tuple[int, int]]) -> None:
        """Calibrate for `sizes` (height, width). At most four are run; others are interpolated by pixels."""
        if self._gaps:
            return
        try:
            self._gaps = self._measured(sizes)
        except SubmissionFailed:  # the control worker was killed: no submission's fault, so once more
            self.close()
            self._gaps = self._measured(sizes)

    def _measured(self, sizes: Sequence[tuple[int, int]]) -> dict[int, float]:
        self.prepare()
        worker, self._worker = self._worker, None
        assert worker is not None
        with worker:
            if not self._loaded:
                worker.load()
            answers = {height * width: _answers(worker, height, width) for height, width in _picked(sizes)}
        self._control = {pixels: min(one.worker_ms for one in some) for pixels, some in answers.items()}
        return {
            pixels: clocks.calibrate_gap([one.wall_ms for one in some], [one.worker_ms for one in some])
            for pixels, some in answers.items()
        }

    def gap_ms(self, height: int, width: int) -> float:
        """The gap for an input of this size, in ms."""
        return _interpolated(self._gaps, height * width)

    def control_ms(self, height: int, width: int) -> float:
        """The least time that the control model itself took for an input of this size, by its worker's clock."""
        return _interpolated(self._control, height * width)

    def close(self) -> None:
        """End the control worker if it still runs."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _control() -> Submission:
    return Submission(SubmissionInfo(model="control"), ControlSource(), ())


def _picked(sizes: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """At most `CALIBRATION_SIZES` of the sizes, from the smallest to the largest."""
    ordered = sorted(set(sizes), key=lambda size: size[0] * size[1])
    last = len(ordered) - 1
    return {ordered[round(i * last / (CALIBRATION_SIZES - 1))] for i in range(CALIBRATION_SIZES)}


def _interpolated(measured: Mapping[int, float], pixels: int) -> float:
    known = sorted(measured)
    return float(np.interp(pixels, known, [measured[count] for count in known])) if known else 0.0


def _answers(worker: WorkerProcess, height: int, width: int) -> list[Answer]:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    answers: list[Answer] = []
    end = time.monotonic() + _MOMENT_S
    while len(answers) < _LEAST_REQUESTS or (len(answers) < _MOST_REQUESTS and time.monotonic() < end):
        answer = worker.forward(np.roll(noise, len(answers), 0), "calibration")
        answers.append(Answer(answer.image[:0], answer.wall_ms, answer.worker_ms))
    return answers
