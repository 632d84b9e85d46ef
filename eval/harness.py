"""Orchestration: one submission after the other, each in its own confined workers, each ending in a record.

The parent decodes, scores, keeps the clock and writes; the workers only turn low-resolution images into
super-resolved ones. Nothing a submission does ends the batch or touches what is already recorded.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.images import image_size, read_rgb
from data.pairs import ImagePair
from eval import doubts, folders, machine, metrics, perceptual, programs, results, stats, timing
from eval.adapters import ntire_repo
from eval.challenge import Challenge, Mode
from eval.counts import Complexity as Counted
from eval.dataset import Dataset
from eval.failures import SubmissionFailed
from eval.progress import Reporter
from eval.results import Complexity, Flag, ImageResult, ModeResult, Record, RuntimeSummary
from eval.scoring import ScoreBeside, ScoreBetween, ScorerPool, Scores
from eval.submission import Submission
from eval.workers import CROP, Answer, Inspection, Setup, WorkerProcess

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Plan:
    """What every submission of a batch is put through. metrics: keys of `eval.metrics`, in the order shown."""

    challenge: Challenge
    dataset: Dataset
    metric_names: tuple[str, ...]
    protocol: stats.Protocol
    repeats: int
    setup: Setup
    sandbox_note: str
    save_images: Path | None = None


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
        names = plan.metric_names
        protocols = metrics.chosen(
            [name for name in names if name not in perceptual.METRICS], plan.challenge.border
        )
        self._perceptual = perceptual.PerceptualScorer(tuple(name for name in names if name in perceptual.METRICS))
        self._pool = ScorerPool(protocols, plan.challenge.scale, beside=self._perceptual.score)
        self._gap = timing.GapCalibration(plan.setup)
        self._machine = machine.describe(plan.setup.cuda_index)

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
            "source": submission.source,
            "challenge": plan.challenge.model_dump(mode="json"),
            "data": plan.dataset.digest(),
            "metrics": plan.metric_names,
            "protocol": [plan.protocol, plan.repeats],
            "device": plan.setup.device,
            "sandbox": plan.setup.level.value,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def evaluate(self, submission: Submission) -> Record:
        """The record of `submission`, `ok` or `failed`; raises only for bad images (InputError)."""
        findings = Findings(data_range=submission.info.data_range, model=submission.model)
        findings.flags += [
            Flag(name="metric missing", reason=f"{name}: {reason}")
            for name, reason in self._perceptual.missing.items()
        ]
        error = None
        try:
            if submission.problem:
                raise SubmissionFailed(submission.problem)
            if submission.adapter == "images":
                self._score_images(submission, findings)
            elif submission.adapter == "imagesr_folder":
                self._run_program(submission, findings)
            else:
                self._measure(submission, findings)
        except SubmissionFailed as failure:
            error, findings.modes, findings.complexity = str(failure), {}, None
        found = {
            "data_range": findings.data_range,
            "model": findings.model,
            "architecture": findings.architecture,
        }
        info = submission.info.model_copy(update=found)
        return Record(
            challenge=self._plan.challenge.name,
            dataset=self._plan.dataset.label,
            scored_by_challenge_data=self._plan.dataset.own,
            submission=info,
            status="failed" if error else "ok",
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

    def _run_program(self, submission: Submission, findings: Findings) -> None:
        """A program that reads and writes folders: one call per mode in a worker of its own, then its images."""
        scale = self._plan.challenge.scale
        for mode, pairs in self._plan.dataset.modes.items():
            with programs.places(pairs) as where:
                name, ran = programs.run(submission, self._plan.setup, where, len(pairs))
                findings.model = ntire_repo.results_key(name, int(submission.info.model_id))
                found = folders.find(where.output, pairs, scale)
                result = folders.score(
                    findings.model, mode, found, pairs, scale, self._pool, self._reporter
                )
            findings.modes[mode] = programs.timed(result, ran)
            findings.flags += programs.flags(mode, ran, len(pairs)) + folders.surplus_flags(mode, found)
            if ran.parameters:
                findings.complexity = Complexity(params_m=ran.parameters / 1e6, established=False)

    def _score_images(self, submission: Submission, findings: Findings) -> None:
        """Results only: no worker, no runtime, no complexity."""
        modes = self._plan.dataset.modes
        for mode, folder in folders.mode_folders(Path(submission.source["folder"]), modes).items():
            found = folders.find(folder, modes[mode], self._plan.challenge.scale)
            findings.flags += folders.surplus_flags(mode, found)
            findings.modes[mode] = folders.score(
                findings.model, mode, found, modes[mode], self._plan.challenge.scale, self._pool, self._reporter
            )

    def _measure(self, submission: Submission, findings: Findings) -> None:
        robust = self._plan.protocol == "robust"
        with contextlib.ExitStack() as stack:
            scored = stack.enter_context(WorkerProcess(submission, self._plan.setup))
            inspection = _inspect(scored, submission, findings)
            loaded = scored.load()
            findings.data_range = loaded.values[0]
            if loaded.text.strip() and submission.adapter == "ntire_repo":
                findings.model = ntire_repo.results_key(loaded.text, int(submission.info.model_id))
            elif loaded.text.strip():
                findings.architecture = loaded.text.strip()
            timed = stack.enter_context(WorkerProcess(submission, self._plan.setup)) if robust else None
            run = _Passes(self._plan, self._pool, self._reporter, findings.model)
            if timed is None:
                run.score_and_time(scored)
                self._gap.prepare()
            else:
                run.score(scored)
                run.answer_cross_checks(scored)
                self._gap.prepare()
            counted = scored.count(run.crop())
            scored.close()
            self._gap.measure(run.sizes())
            if timed is None:
                run.judge_times(self._gap)
            else:
                timed.load()
                run.time(timed, self._gap)
        findings.modes, findings.flags = run.results(), findings.flags + run.flags
        findings.complexity = _complexity(counted, findings.flags)
        findings.flags += _parameter_doubts(counted, inspection)


class _Passes:
    """The passes over all images of all modes for one submission, and what they gave."""

    def __init__(self, plan: Plan, pool: ScorerPool, reporter: Reporter, model: str) -> None:
        self._plan, self._pool, self._reporter, self._model = plan, pool, reporter, model
        self._modes: dict[Mode, list[ImagePair]] = plan.dataset.modes
        self._scores: dict[Mode, list[Scores]] = {}
        self._runtimes: dict[Mode, RuntimeSummary | None] = dict.fromkeys(self._modes)
        self._per_image: dict[Mode, list[float] | None] = dict.fromkeys(self._modes)
        self._memory: dict[Mode, float | None] = dict.fromkeys(self._modes)
        self._answers: dict[Mode, list[Answer]] = {}
        self._sample = timing.PixelSample(int.from_bytes(np.random.default_rng().bytes(4), "big"))
        self._inputs = {mode: timing.plan(len(pairs), plan.repeats) for mode, pairs in self._modes.items()}
        self.flags: list[Flag] = []

    def score(self, worker: WorkerProcess) -> None:
        """The quality pass: decoding ahead of the worker, scoring beside it, nothing timed."""
        for mode, pairs in self._modes.items():
            scorer = ScoreBeside(self._pool)
            ahead = self._pool.decode(pairs[0])
            for index, pair in enumerate(pairs):
                lr = ahead.result()
                if index + 1 < len(pairs):
                    ahead = self._pool.decode(pairs[index + 1])
                answer = worker.forward(lr, pair.name)
                self._sample.keep((mode, index), answer.image)
                scorer.add(self._scored(mode, pair, answer))
            self._scores[mode] = scorer.finish()

    def score_and_time(self, worker: WorkerProcess) -> None:
        """Protocol `ntire`: one cold pass gives images and times; decoding and scoring happen between requests."""
        for mode, pairs in self._modes.items():
            scorer = ScoreBetween(self._pool)
            answers = []
            for pair in pairs:
                answer = worker.forward(read_rgb(pair.lr), pair.name)
                answers.append(Answer(answer.image[:0], answer.wall_ms, answer.worker_ms))
                scorer.add(self._scored(mode, pair, answer))
            self._scores[mode] = scorer.finish()
            self._answers[mode] = answers
            self._memory[mode] = worker.memory_mib()

    def answer_cross_checks(self, worker: WorkerProcess) -> None:
        """Let the scoring worker answer some of the changed inputs too, so that those can be compared."""
        for mode, inputs in self._inputs.items():
            for one in timing.cross_checks(inputs):
                lr = read_rgb(self._modes[mode][one.image].lr)
                answer = worker.forward(timing.variants.apply_variant(lr, one.variant), f"{one.image} (check)")
                self._sample.keep((mode, one.image, one.variant), answer.image)

    def time(self, worker: WorkerProcess, gap: timing.GapCalibration) -> None:
        """Protocol `robust`: the timed pass on its own worker."""
        for mode, inputs in self._inputs.items():
            images = [read_rgb(pair.lr) for pair in self._modes[mode]]
            self._reporter.timing(self._model, mode, len(inputs))
            timed = timing.run(worker, inputs, images, self._sample.view(mode), gap, self._reporter.timed)
            self._memory[mode] = worker.memory_mib()
            self.flags += timed.flags
            if timed.believed:
                summary = stats.summarize_robust(timed.samples_ms, timed.cold_ms)
                self._runtimes[mode] = _summary(summary, self._plan.repeats, timed.samples_ms)
                self._per_image[mode] = [stats.median(samples) for samples in timed.samples_ms]

    def judge_times(self, gap: timing.GapCalibration) -> None:
        """Protocol `ntire`: accept the worker's times of the one pass, or say why not."""
        for mode, answers in self._answers.items():
            sizes = [image_size(pair.lr) for pair in self._modes[mode]]
            doubt = timing.judge(answers, sizes, gap)
            self.flags += [doubt] if doubt else []
            if not timing.believed(doubt):
                continue
            samples = [answer.worker_ms for answer in answers]
            self._runtimes[mode] = _summary(stats.summarize_ntire(samples), 1, [[ms] for ms in samples])
            self._per_image[mode] = samples

    def crop(self) -> Image:
        """The centre of the first LR image, at most 256x256: complexity is counted on it beside noise."""
        image = read_rgb(next(iter(self._modes.values()))[0].lr)
        top, left = (max(length - CROP, 0) // 2 for length in image.shape[:2])
        return np.ascontiguousarray(image[top : top + CROP, left : left + CROP])

    def sizes(self) -> list[tuple[int, int]]:
        return [image_size(pair.lr) for pairs in self._modes.values() for pair in pairs]

    def results(self) -> dict[str, ModeResult]:
        return {mode: self._mode_result(mode) for mode in self._modes}

    def _scored(self, mode: Mode, pair: ImagePair, answer: Answer):  # type: ignore[no-untyped-def]
        save_as = ""
        if self._plan.save_images:
            folder = self._plan.save_images / self._model / mode
            folder.mkdir(parents=True, exist_ok=True)
            save_as = str(folder / f"{pair.name}.png")
        task = self._pool.task(answer.image, pair, save_as)

        def score_and_report() -> Scores:
            scores = task()
            self._reporter.image(self._model, mode, pair.name, scores, len(self._modes[mode]))
            return scores

        return score_and_report

    def _mode_result(self, mode: Mode) -> ModeResult:
        times: Sequence[float | None] = self._per_image[mode] or [None] * len(self._modes[mode])
        images = [
            ImageResult(name=pair.name, metrics=scores, runtime_ms=runtime_ms)
            for pair, scores, runtime_ms in zip(self._modes[mode], self._scores[mode], times, strict=True)
        ]
        return ModeResult(images=images, runtime=self._runtimes[mode], memory_mib=self._memory[mode])


def _inspect(worker: WorkerProcess, submission: Submission, findings: Findings) -> Inspection | None:
    """Tensors in the checkpoint; None, with a flag, where it needs full unpickling and that was allowed."""
    try:
        return worker.inspect()
    except SubmissionFailed as failure:
        if not submission.source.get("allow_pickle"):
            raise
        findings.flags.append(Flag(name="unpickled", reason=f"full unpickling was allowed; {failure}"))
        return None


def _summary(summary: stats.RuntimeSummary, repeats: int, samples: list[list[float]]) -> RuntimeSummary:
    return RuntimeSummary(
        protocol=summary.protocol,
        mean=summary.mean,
        median=summary.median,
        ci95=summary.ci95,
        cold=summary.cold,
        repeats=repeats,
        samples_ms=samples,
    )


def _complexity(counted: Counted, flags: list[Flag]) -> Complexity:
    """The official figures, with every counter beside them; doubts become flags, never silent zeros."""
    found = doubts.judge(counted)
    flags += [Flag(name=doubt.name, reason=doubt.reason) for doubt in found]
    return Complexity(
        params_m=counted.parameters / 1e6,
        flops_g=None if counted.flops_fvcore is None else counted.flops_fvcore / 1e9,
        activations_m=None if counted.activations is None else counted.activations / 1e6,
        num_conv=counted.num_conv,
        established=not any(doubt.name == "complexity not established" for doubt in found),
        counters=asdict(counted),
    )


def _parameter_doubts(counted: Counted, inspection: Inspection | None) -> list[Flag]:
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
    return {record.job_key for record in results.read_all(save_dir) if record.status == "ok" and record.job_key}
