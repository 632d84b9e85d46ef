"""Times one submission in one fresh process, on the plan's images; its answers are held against its record."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from functools import partial

from data.images import modcrop, read_rgb
from data.types import Split
from eval.failures import SubmissionFailed
from eval.harness.campaign.rounds import ProcessRun
from eval.harness.plan import Plan
from eval.harness.timing import timed_pass
from eval.harness.timing.calibration import GapCalibration
from eval.harness.worker_process import Answer, WorkerProcess
from eval.host import gpu_state, procfs
from eval.integrity.outputs import Comparison
from eval.metrics.psnr import psnr
from eval.records.schema import Flag, Record
from eval.runtime.inputs import TimedInput
from eval.submissions.submission import Submission

# An untimed process must give the images of the record: their mean PSNR may differ by this, in dB.
SAME_PSNR_DB = 0.01


class EntryTimer:
    """Times entries of a campaign; call it with a model's name. Exactly one worker runs while it does.

    Before an entry's first round a process answers the plain images, untimed: their PSNR must be the record's. All
    timed answers are then compared with those, as protocol `robust` does.
    """

    def __init__(
        self,
        plan: Plan,
        gap: GapCalibration,
        submissions: Mapping[str, Submission],
        records: Mapping[str, Record],
    ) -> None:
        self._plan, self._gap = plan, gap
        self._submissions, self._records = submissions, records
        self._answers: dict[str, Comparison] = {}

    def __call__(self, model: str) -> ProcessRun:
        """Raises SubmissionFailed if it cannot be run, or if its images are not those of its record."""
        if model not in self._answers:
            self._answers[model] = self._reference(model)
        comparison = self._answers[model]
        flags: list[Flag] = []
        notes: list[Flag] = []
        times_ms: list[float] = []
        before = self._gpu()
        with WorkerProcess(self._submissions[model], self._plan.setup) as worker:
            worker.load()
            began_s = time.monotonic()
            for split in self._plan.dataset.modes:
                timed = self._timed(worker, split, comparison)
                flags += [timed.doubt] if timed.doubt else []
                notes += timed.notes
                times_ms += [statistics.median(samples) for samples in timed.samples_ms]
            middle_s = (began_s + time.monotonic()) / 2
            memory_mib = worker.memory_mib()
        compared = comparison.flags()
        believed = all(timed_pass.believed(flag) for flag in flags) and not compared
        disturbed = tuple(
            gpu_state.timing_disturbances(before, self._gpu(), frozenset(procfs.tree(os.getpid())))
        )
        return ProcessRun(
            tuple(times_ms), middle_s, memory_mib, (*flags, *notes, *compared), believed, disturbed
        )

    def _timed(self, worker: WorkerProcess, split: Split, comparison: Comparison) -> timed_pass.TimedPass:
        images = [read_rgb(pair.lr) for pair in self._plan.dataset.modes[split]]
        planned = timed_pass.plan_inputs([image.shape[:2] for image in images], self._plan.repeats)
        return timed_pass.run_timed_pass(worker, planned, images, self._gap, partial(_met, comparison, split))

    def _gpu(self) -> gpu_state.GpuState | None:
        gpu = self._plan.setup.gpu
        return None if gpu is None else gpu_state.read_gpu(gpu)

    def _reference(self, model: str) -> Comparison:
        """The answers to the plain images, from a process that is not timed."""
        comparison = Comparison(self._plan.challenge.scale)
        with WorkerProcess(self._submissions[model], self._plan.setup) as worker:
            worker.load()
            for split, pairs in self._plan.dataset.modes.items():
                found = []
                for index, pair in enumerate(pairs):
                    answer = worker.forward(read_rgb(pair.lr), pair.name).image
                    hr = modcrop(read_rgb(pair.hr), self._plan.challenge.scale)
                    comparison.keep_scored((split, index), answer, hr)
                    found.append(psnr(answer, hr, self._plan.challenge.border))
                self._check(model, split, statistics.fmean(found))
        return comparison

    def _check(self, model: str, split: Split, psnr_db: float) -> None:
        record = self._records[model]
        known = record.modes[split].mean("psnr") if split in record.modes else None
        if known is not None and abs(psnr_db - known) > SAME_PSNR_DB:
            raise SubmissionFailed(
                f"its {split} images have {psnr_db:.4f} dB here and {known:.4f} dB in its record: not the same images"
            )


def _met(comparison: Comparison, split: Split, one: TimedInput, answer: Answer) -> None:
    comparison.timed(split, one, answer.image)
