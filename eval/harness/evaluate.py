"""Orchestration: one submission after the other, each in its own confined workers, each ending in a record.

The parent decodes, scores, keeps the clock and writes; the workers only turn low-resolution images into
super-resolved ones. Nothing a submission does ends the batch or touches what is already recorded.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

from data.errors import InputError
from data.images import image_size
from data.types import Split
from eval.failures import SubmissionFailed
from eval.harness import (
    build_step,
    clean_recount,
    folder_program,
    ground_truth,
    image_folder,
    timed_pass,
)
from eval.harness.passes import Passes
from eval.harness.plan import Plan
from eval.harness.progress import Reporter
from eval.harness.saved_images import Pictures
from eval.harness.scorer_pool import ScorerPool
from eval.harness.worker_process import WorkerProcess
from eval.host import gpu_state, procfs
from eval.host.machine import machine_record
from eval.integrity import complexity, recount
from eval.metrics import registry
from eval.metrics.perceptual import PerceptualScorer
from eval.protocol.complexity_report import Complexity as Counted
from eval.protocol.job import ImagesSource
from eval.protocol.replies import Inspected
from eval.records import schema, store
from eval.records.schema import (
    Complexity,
    Flag,
    ModeResult,
    Record,
)
from eval.runtime import inputs
from eval.submissions.repository import select_model
from eval.submissions.submission import Submission


@dataclass
class Findings:
    """What is known of a submission while it is evaluated."""

    modes: dict[str, ModeResult] = field(default_factory=dict)
    complexity: Complexity | None = None
    flags: list[Flag] = field(default_factory=list)
    data_range: float | None = None
    model: str = ""
    architecture: str = ""


class Harness:
    """Evaluates submissions on one plan; holds what a batch shares (scorer threads, clock calibration)."""

    def __init__(self, plan: Plan, reporter: Reporter, session: str) -> None:
        self._plan, self._reporter, self._session = plan, reporter, session
        metrics = registry.chosen(plan.metric_names, plan.challenge.border)
        self._perceptual = PerceptualScorer(tuple(one.name for one in metrics if one.function is None))
        self._pool = ScorerPool(metrics, plan.challenge.scale, beside=self._perceptual.score)
        self._pictures = Pictures(plan.save_images)
        self._gap = timed_pass.GapCalibration(plan.setup)
        self._machine = machine_record(plan.setup.gpu)

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._gap.close()
        self._pool.__exit__(None, None, None)
        self._perceptual.__exit__()

    def job_key(self, submission: Submission) -> str:
        """Equal for two evaluations that must give the same numbers: what `--resume` compares."""
        plan = self._plan
        content = {
            "files": submission.fingerprint(),
            "source": submission.source.to_json(),
            "challenge": plan.challenge.model_dump(mode="json"),
            "data": plan.dataset.digest(),
            "metrics": plan.metric_names,
            "protocol": [plan.protocol, plan.repeats],
            "device": plan.setup.device,
            "sandbox": plan.setup.level.value,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def evaluate(self, submission: Submission) -> Record:
        """The record of `submission`, `ok` or `failed`.

        Raises only InputError, for what is no submission's doing: the organiser's images, a scorer that cannot
        work, a file of the submission's that is gone. Anything unexpected is this submission's failure alone.
        """
        findings = self._nothing_found(submission)
        try:
            self._judge(submission, findings)
            record = self._record(submission, findings, None)
            schema.to_json(record)  # what cannot be written is this submission's failure, not the batch's
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
            Flag(name="metric missing", reason=f"{name}: {reason}")
            for name, reason in self._perceptual.missing.items()
        ]
        return findings

    def _judge(self, submission: Submission, findings: Findings) -> None:
        problem = submission.problem or self._secret_shown(submission)
        if problem:
            raise SubmissionFailed(problem)
        source = submission.source
        if isinstance(source, ImagesSource):
            self._score_images(Path(source.folder), findings)
        elif source.runs_folder:
            self._run_program(submission, findings)
        else:
            with build_step.built(submission, self._plan.setup) as ready:
                self._measure(ready, findings)

    def _record(self, submission: Submission, findings: Findings, error: str | None) -> Record:
        found = {
            "data_range": findings.data_range,
            "model": findings.model,
            "architecture": findings.architecture,
        }
        info = submission.info.model_copy(update=found)
        return Record(
            challenge=self._plan.challenge.name,
            dataset=self._plan.dataset.label,
            layout=self._plan.dataset.layout,
            image_digests=self._plan.dataset.digests,
            submission=info,
            status="ok" if error is None else "failed",
            error=error,
            flags=findings.flags,
            modes=findings.modes,
            complexity=findings.complexity,
            protocol=self._plan.protocol,
            device=self._plan.setup.device,
            sandbox=self._plan.setup.level.value,
            machine=self._machine,
            session=self._session,
            job_key=self.job_key(submission),
        )

    def _secret_shown(self, submission: Submission) -> str:
        pairs = [pair for some in self._plan.dataset.modes.values() for pair in some]
        return ground_truth.shown_hr(submission, self._plan.setup.level, pairs, self._plan.kept_hr)

    def _run_program(self, submission: Submission, findings: Findings) -> None:
        """A program that reads and writes folders: one call per mode in a worker of its own, then its images."""
        scale = self._plan.challenge.scale
        for mode, pairs in self._plan.dataset.modes.items():
            with folder_program.places(pairs) as where:
                name, ran = folder_program.run(submission, self._plan.setup, where, len(pairs))
                findings.model = select_model.results_key(name, int(submission.info.model_id))
                found = image_folder.find(where.output, pairs, scale)
                result = image_folder.score(
                    findings.model, mode, found, pairs, scale, self._pool, self._pictures, self._reporter
                )
            findings.modes[mode] = folder_program.timed(result, ran)
            findings.flags += folder_program.flags(mode, ran, len(pairs)) + image_folder.surplus_flags(
                mode, found
            )
            if ran.parameters:
                findings.complexity = Complexity(params_m=ran.parameters / 1e6, established=False)

    def _score_images(self, folder: Path, findings: Findings) -> None:
        """Results only: no worker, no runtime, no complexity."""
        modes = self._plan.dataset.modes
        for mode, own in image_folder.mode_folders(folder, modes).items():
            found = image_folder.find(own, modes[mode], self._plan.challenge.scale)
            findings.flags += image_folder.surplus_flags(mode, found)
            findings.modes[mode] = image_folder.score(
                findings.model,
                mode,
                found,
                modes[mode],
                self._plan.challenge.scale,
                self._pool,
                self._pictures,
                self._reporter,
            )

    def _measure(self, submission: Submission, findings: Findings) -> None:
        with contextlib.ExitStack() as stack:
            scored = stack.enter_context(WorkerProcess(submission, self._plan.setup))
            inspection = _inspect(scored, submission, findings)
            loaded = scored.load()
            findings.data_range = loaded.data_range
            if loaded.name.strip() and submission.source.names_itself:
                findings.model = select_model.results_key(loaded.name, int(submission.info.model_id))
            elif loaded.name.strip():
                findings.architecture = loaded.name.strip()
            passes = Passes(self._plan, self._pool, self._pictures, self._reporter, findings.model)
            if self._plan.protocol == "ntire":
                counted, contradicted = self._one_pass(scored, passes), list[complexity.Doubt]()
            else:
                timed = functools.partial(WorkerProcess, submission, self._plan.setup)
                counted, contradicted = self._two_workers(scored, passes, stack, timed, findings)
        findings.modes, findings.flags = passes.results(), findings.flags + passes.flags
        if counted is None:
            findings.complexity = Complexity(params_m=loaded.parameters / 1e6)
        else:
            findings.complexity = _complexity(counted, contradicted, findings.flags)
            findings.flags += _parameter_doubts(counted, inspection)
        findings.flags += self._speed_doubts(counted, findings.modes) if counted else []

    def _one_pass(self, worker: WorkerProcess, passes: Passes) -> Counted | None:
        """Protocol `ntire`: one cold pass of one worker gives images and times."""
        passes.score_and_time(worker)
        self._gap.prepare()  # it imports torch while this worker counts
        counted = self._count(worker, passes)
        worker.close()
        self._gap.measure(passes.sizes())
        passes.judge_times(self._gap)
        return counted

    def _two_workers(
        self,
        scored: WorkerProcess,
        passes: Passes,
        stack: contextlib.ExitStack,
        start_timed: Callable[[], WorkerProcess],
        findings: Findings,
    ) -> tuple[Counted | None, list[complexity.Doubt]]:
        """Protocol `robust`: the second, timed worker imports torch while the first one counts."""
        passes.score(scored)
        passes.answer_cross_checks(scored)
        timed = stack.enter_context(start_timed())
        self._gap.prepare()
        counted = self._count(scored, passes)
        again = self._recount(scored, passes, counted, findings.data_range)
        scored.close()
        self._gap.measure(passes.sizes())
        timed.load()
        before = self._gpu()
        passes.time(timed, self._gap)
        disturbed = gpu_state.timing_disturbances(before, self._gpu(), frozenset(procfs.tree(os.getpid())))
        passes.flags += [Flag(name=timed_pass.DOUBTFUL, reason=reason) for reason in disturbed]
        if counted is None or again is None:
            return counted, []
        return counted, recount.judge(counted, again, passes.comparison.traced_difference)

    def _recount(
        self, scored: WorkerProcess, passes: Passes, counted: Counted | None, data_range: float | None
    ) -> recount.Recounted | complexity.Doubt | None:
        """The counts from outside the process that counted; None where nothing was counted."""
        if counted is None or counted.noise is None or data_range is None:
            return None
        key, one = passes.unmet_input()
        return clean_recount.run(
            scored,
            self._plan.setup,
            data_range,
            passes.image(key),
            functools.partial(inputs.apply_variant, change=one.variant),
            functools.partial(passes.comparison.keep_traced, key, one.variant),
        )

    def _gpu(self) -> gpu_state.GpuState | None:
        gpu = self._plan.setup.gpu
        return None if gpu is None else gpu_state.read_gpu(gpu)

    def _speed_doubts(self, counted: Counted, modes: dict[str, ModeResult]) -> list[Flag]:
        """A count and a runtime that together imply more than the GPU can do (where its peak is known)."""
        gpu = self._gpu()
        peak = complexity.gpu_peak(gpu.name) if gpu else None
        if peak is None:
            return []
        found = []
        for mode, result in modes.items():
            runtime_ms, pairs = result.mean_runtime_ms(), self._plan.dataset.modes[cast(Split, mode)]
            if runtime_ms is not None:
                pixels = [height * width for height, width in (image_size(pair.lr) for pair in pairs)]
                found += complexity.judge_speed(
                    counted.flops_fvcore, runtime_ms, sum(pixels) // len(pixels), peak
                )
        return [Flag(name=doubt.name, reason=doubt.reason) for doubt in found]

    def _count(self, worker: WorkerProcess, passes: Passes) -> Counted | None:
        """Complexity, unless the challenge does without: on large networks it takes longer than all images."""
        return worker.count(passes.crop()) if self._plan.challenge.complexity else None


def _inspect(worker: WorkerProcess, submission: Submission, findings: Findings) -> Inspected | None:
    """Tensors in the checkpoint; None, with a flag, where it needs full unpickling and that was allowed."""
    try:
        return worker.inspect()
    except SubmissionFailed as failure:
        if not submission.source.allow_pickle:
            raise
        findings.flags.append(Flag(name="unpickled", reason=f"full unpickling was allowed; {failure}"))
        return None


def _complexity(counted: Counted, contradicted: list[complexity.Doubt], flags: list[Flag]) -> Complexity:
    """The official figures, with every counter beside them; doubts become flags, never silent zeros."""
    found = complexity.joined([*complexity.judge(counted), *contradicted])
    flags += [Flag(name=doubt.name, reason=doubt.reason) for doubt in found]
    return Complexity(
        params_m=counted.parameters / 1e6,
        flops_g=None if counted.flops_fvcore is None else counted.flops_fvcore / 1e9,
        activations_m=None if counted.activations is None else counted.activations / 1e6,
        num_conv=counted.num_conv,
        established=not any(
            doubt.name in (complexity.NOT_ESTABLISHED, recount.NOT_CONFIRMED) for doubt in found
        ),
        counters=asdict(counted),
    )


def _parameter_doubts(counted: Counted, inspection: Inspected | None) -> list[Flag]:
    """A checkpoint that holds far more than parameters() says, or a model with weights from nowhere."""
    if inspection is None or not inspection.elements:
        return []
    held = counted.parameters + counted.buffers
    if held < 0.5 * inspection.elements or counted.parameters > 1.05 * inspection.elements:
        reason = (
            f"parameters() counts {counted.parameters} elements and buffers {counted.buffers}, "
            f"the checkpoint holds {inspection.elements}"
        )
        return [Flag(name="parameters elsewhere", reason=reason)]
    return []


def finished_keys(save_dir: Path) -> set[str]:
    """Job keys that `--resume` skips: those whose newest record is `ok`."""
    newest = {record.job_key: record for record in store.read_all(save_dir) if record.job_key}
    return {job_key for job_key, record in newest.items() if record.status == "ok"}
