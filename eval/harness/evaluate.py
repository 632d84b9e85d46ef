"""Evaluates one submission after the other. Each gets its own confined workers and ends in a record.

The parent decodes, scores, keeps the clock and writes. The workers only turn low-resolution images into
super-resolved ones. Nothing that a submission does ends the batch or touches earlier records.
"""

from __future__ import annotations

from pathlib import Path

from data.errors import InputError
from eval.failures import SubmissionFailed
from eval.harness import build_step, ground_truth, resume
from eval.harness.findings import Findings, Shared
from eval.harness.folders import folder_results
from eval.harness.measure import Measurement
from eval.harness.plan import Plan
from eval.harness.progress import BatchReporter
from eval.harness.scoring.reference import BicubicReference, quality_flags, reference_results
from eval.harness.scoring.saved_images import Pictures
from eval.harness.scoring.scorer_pool import ScorerPool
from eval.harness.timing.calibration import GapCalibration
from eval.harness.worker_setup import settings
from eval.host.machine import machine_record
from eval.metrics import registry
from eval.metrics.perceptual import PerceptualScorer
from eval.protocol.job import ImagesSource
from eval.records import schema
from eval.records.flags import FlagName
from eval.records.schema import Record
from eval.submissions.submission import Submission


class Harness:
    """Evaluates submissions on one plan. Holds what a batch shares: scorer threads, clock calibration."""

    def __init__(self, plan: Plan, reporter: BatchReporter, session: str) -> None:
        self._plan, self._session = plan, session
        self._metrics = registry.chosen(plan.metric_names, plan.challenge.border)
        self._perceptual = PerceptualScorer(tuple(one.name for one in self._metrics if one.function is None))
        reference = BicubicReference(self._metrics, plan.challenge.scale)
        pool = ScorerPool(
            self._metrics, plan.challenge.scale, beside=self._perceptual.score, reference=reference.meet
        )
        gap = GapCalibration(plan.setup)
        self._shared = Shared(plan, pool, Pictures(plan.save_images), reference, gap, reporter)
        self._machine = {**machine_record(plan.setup.gpu), "settings": settings(plan.setup)}

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._shared.gap.close()
        self._shared.pool.__exit__(None, None, None)
        self._perceptual.__exit__()

    def job_key(self, submission: Submission) -> str:
        """Equal for two evaluations that must give the same numbers: what `--resume` compares."""
        return resume.job_key(submission, self._plan)

    def evaluate(self, submission: Submission) -> Record:
        """The record of `submission`, `ok` or `failed`.

        Raises only InputError, for what no submission caused: the organiser's images, a scorer that cannot work, a
        file that is gone. Anything unexpected is the failure of this submission alone.
        """
        findings = self._nothing_found(submission)
        try:
            self._judge(submission, findings)
            findings.flags += quality_flags(self._metrics, findings.modes, self._reference())
            record = self._record(submission, findings, None)
            schema.record_json(record)  # what cannot be written is this submission's failure, not the batch's
            return record
        except SubmissionFailed as failure:
            findings.modes, findings.complexity = {}, None
            return self._record(submission, findings, str(failure))
        except InputError:
            raise
        except Exception as error:
            reason = f"internal error: {type(error).__name__}: {' '.join(str(error).split()):.400}"
            return self._record(submission, self._nothing_found(submission), reason)

    def _nothing_found(self, submission: Submission) -> Findings:
        """What is known before anything ran."""
        findings = Findings(data_range=submission.info.data_range, model=submission.model)
        findings.flags += [
            FlagName.METRIC_MISSING.because(f"{name}: {reason}")
            for name, reason in self._perceptual.missing.items()
        ]
        return findings

    def _judge(self, submission: Submission, findings: Findings) -> None:
        problem = ground_truth.refusal(submission, self._plan)
        if problem:
            raise SubmissionFailed(problem)
        source = submission.source
        if isinstance(source, ImagesSource):
            folder_results.score_images(Path(source.folder), self._shared, findings)
        elif source.runs_folder:
            folder_results.run_program(submission, self._shared, findings)
        else:
            self._shared.reporter.stage(submission.model, "starting a process for its network")
            with build_step.built(submission, self._plan.setup) as ready:
                Measurement(ready, self._shared, findings).run()

    def _reference(self) -> dict[str, schema.ModeResult]:
        return reference_results(self._shared.reference, self._plan.dataset.modes)

    def _record(self, submission: Submission, findings: Findings, error: str | None) -> Record:
        found = {
            "data_range": findings.data_range,
            "model": findings.model,
            "architecture": findings.architecture,
        }
        return Record(
            challenge=self._plan.challenge.name,
            dataset=self._plan.dataset.label,
            layout=self._plan.dataset.layout,
            image_digests=self._plan.dataset.digests,
            submission=submission.info.model_copy(update=found),
            status="ok" if error is None else "failed",
            error=error,
            flags=findings.flags,
            modes=findings.modes,
            reference=self._reference(),
            complexity=findings.complexity,
            output=findings.output,
            protocol=self._plan.protocol,
            device=self._plan.setup.device,
            sandbox=self._plan.setup.level.value,
            machine=self._machine,
            session=self._session,
            job_key=self.job_key(submission),
        )
