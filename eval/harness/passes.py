"""The passes over all images for one submission: scored, timed, or both at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.images import image_size, pixel_sha256, read_rgb
from data.pairs import ImagePair
from data.types import Image, Split
from eval.harness import clean_recount
from eval.harness.plan import Plan
from eval.harness.progress import BatchReporter
from eval.harness.scoring.output_range import OutputRange
from eval.harness.scoring.saved_images import Pictures
from eval.harness.scoring.scorer_pool import (
    ImageScores,
    ScoreBeside,
    ScoreBetween,
    ScorerPool,
    Task,
)
from eval.harness.timing import timed_pass
from eval.harness.timing.calibration import GapCalibration
from eval.harness.timing.threads import ThreadWatch
from eval.harness.worker_process import CROP, Answer, WorkerProcess
from eval.host.load import LoadWatch, OtherLoad
from eval.integrity.graph_answers import GraphAnswers
from eval.integrity.outputs import Comparison, Key
from eval.records.flags import FlagName
from eval.records.schema import (
    Flag,
    ImageResult,
    ModeResult,
    RuntimeSummary,
)
from eval.runtime import inputs, statistics


class Passes:
    """The passes over all images of all modes for one submission, and what they gave."""

    def __init__(
        self, plan: Plan, pool: ScorerPool, pictures: Pictures, reporter: BatchReporter, model: str
    ) -> None:
        self._plan, self._pool, self._pictures = plan, pool, pictures
        self._reporter, self._model = reporter, model
        self._modes: dict[Split, list[ImagePair]] = plan.dataset.modes
        self._scorers: dict[Split, ScoreBeside | ScoreBetween] = {}
        self._scores: dict[Split, list[ImageScores]] = {}
        self._digests: dict[Key, str] = {}
        self._runtimes: dict[Split, RuntimeSummary | None] = dict.fromkeys(self._modes)
        self._per_image: dict[Split, list[float] | None] = dict.fromkeys(self._modes)
        self._memory: dict[Split, float | None] = dict.fromkeys(self._modes)
        self._answers: dict[Split, list[Answer]] = {}
        self._others: dict[Split, OtherLoad | None] = {}
        self._comparison = Comparison(plan.challenge.scale)
        self.graph_answers = GraphAnswers(self._comparison)
        self._inputs = {
            split: timed_pass.plan_inputs([image_size(pair.lr) for pair in pairs], plan.repeats)
            for split, pairs in self._modes.items()
        }
        self.output_range = OutputRange()
        self.flags: list[Flag] = []

    def score(self, worker: WorkerProcess) -> None:
        """The quality pass: decoding ahead of the worker, scoring beside it, nothing timed.

        The last images may still be scored when it returns; `finish_scoring` waits for them.
        """
        for split, pairs in self._modes.items():
            scorer = self._scorers[split] = ScoreBeside(self._pool)
            ahead = self._pool.decode(pairs[0])
            for index, pair in enumerate(pairs):
                lr = ahead.result()
                if index + 1 < len(pairs):
                    ahead = self._pool.decode(pairs[index + 1])
                answer = worker.forward(lr, pair.name)
                self.output_range.meet(answer.lowest, answer.highest)
                scorer.add(self._scored(split, index, answer))

    def score_and_time(self, worker: WorkerProcess) -> None:
        """Protocol `ntire`: one cold pass gives images and times; decoding and scoring happen between requests.

        The last images may still be scored when it returns; `finish_scoring` waits for them.
        """
        for split, pairs in self._modes.items():
            self.finish_scoring()  # of the split before: nothing is scored while this one is timed
            scorer = self._scorers[split] = ScoreBetween(self._pool)
            answers, watch, threads = [], LoadWatch(), ThreadWatch(worker)
            for index, pair in enumerate(pairs):
                answer = worker.forward(read_rgb(pair.lr), pair.name)
                answers.append(Answer(answer.image[:0], answer.wall_ms, answer.worker_ms))
                self.output_range.meet(answer.lowest, answer.highest)
                scorer.add(self._scored(split, index, answer))
            self.flags += threads.flags(answers)
            self._answers[split], self._others[split] = answers, watch.others()
            self._memory[split] = worker.memory_mib()
            scorer.release()

    def finish_scoring(self) -> None:
        """Wait until all images are scored. Raises what the scoring of an image raised."""
        for split, scorer in self._scorers.items():
            if split not in self._scores:
                self._scores[split] = scorer.finish()

    def answer_cross_checks(self, worker: WorkerProcess) -> None:
        """Let the scoring worker answer some of the changed inputs too, so that those can be compared."""
        for split, planned in self._inputs.items():
            for one in timed_pass.cross_checks(planned):
                lr = read_rgb(self._modes[split][one.image].lr)
                answer = worker.forward(inputs.apply_variant(lr, one.variant), f"{one.image} (check)")
                self._comparison.keep_check((split, one.image), one.variant, answer.image)

    def time(self, worker: WorkerProcess, gap: GapCalibration) -> None:
        """Protocol `robust`: the timed pass on its own worker."""
        passes = {split: self._timed(split, worker, gap) for split in self._modes}
        found = self._comparison.flags()
        self.flags += found
        if any(flag.name == FlagName.WORSE_WHEN_TIMED for flag in found):
            return
        for split, timed in passes.items():
            if timed_pass.believed(timed.doubt):
                summary = statistics.summarize_robust(timed.samples_ms, timed.cold_ms)
                self._runtimes[split] = _summary(summary, self._plan.repeats, timed.samples_ms)
                self._per_image[split] = [statistics.median(samples) for samples in timed.samples_ms]

    def _timed(self, split: Split, worker: WorkerProcess, gap: GapCalibration) -> timed_pass.TimedPass:
        images = [read_rgb(pair.lr) for pair in self._modes[split]]
        self._reporter.timing(self._model, split, len(self._inputs[split]))

        def met(one: inputs.TimedInput, answer: Answer) -> None:
            self._comparison.timed(split, one, answer.image)
            self.graph_answers.timed((split, one.image), one.variant, answer.image, answer.worker_ms)
            self._reporter.timed()

        timed = timed_pass.run_timed_pass(worker, self._inputs[split], images, gap, met)
        self._memory[split] = worker.memory_mib()
        self.flags += [*([timed.doubt] if timed.doubt else []), *timed.notes]
        return timed

    def judge_times(self, gap: GapCalibration) -> None:
        """Protocol `ntire`: accept the worker's times of the one pass, or say why not."""
        for split, answers in self._answers.items():
            sizes = [image_size(pair.lr) for pair in self._modes[split]]
            judged = timed_pass.judge_times(answers, sizes, gap, self._others[split])
            self.flags += [judged.doubt] if judged.doubt else []
            if not timed_pass.believed(judged.doubt):
                continue
            samples = judged.times_ms
            self._runtimes[split] = _summary(statistics.summarize_ntire(samples), 1, [[ms] for ms in samples])
            self._per_image[split] = samples

    def crop(self) -> Image:
        """The centre of the first LR image: complexity is counted on a part of it beside noise."""
        image = read_rgb(next(iter(self._modes.values()))[0].lr)
        top, left = (max(length - CROP, 0) // 2 for length in image.shape[:2])
        return np.ascontiguousarray(image[top : top + CROP, left : left + CROP])

    def draw_graph_inputs(self) -> clean_recount.DrawnInputs:
        """Inputs for the traced network, among those that the timed worker will meet."""
        sizes = {
            (split, index): image_size(pair.lr)
            for split, pairs in self._modes.items()
            for index, pair in enumerate(pairs)
        }
        return clean_recount.draw_inputs(self._inputs, sizes)

    def image(self, key: Key) -> Image:
        """The LR image `key`, uint8 HxWx3."""
        split, index = key
        return read_rgb(self._modes[split][index].lr)

    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of every LR image."""
        return [image_size(pair.lr) for pairs in self._modes.values() for pair in pairs]

    def results(self) -> dict[str, ModeResult]:
        """What the passes gave, by split."""
        return {split: self._mode_result(split) for split in self._modes}

    def _scored(self, split: Split, index: int, answer: Answer) -> Task:
        pair = self._modes[split][index]
        keep_pictures = self._pictures.keeper(self._model, split, pair)

        def keep(sr: Image, hr: Image) -> None:
            self._digests[split, index] = pixel_sha256(sr)
            self._comparison.keep_scored((split, index), sr, hr)
            if keep_pictures:
                keep_pictures(sr, hr)

        task = self._pool.task(answer.image, pair, keep)

        def score_and_report() -> ImageScores:
            scores = task()
            self._reporter.image(self._model, split, pair.name, scores, len(self._modes[split]))
            return scores

        return score_and_report

    def _mode_result(self, split: Split) -> ModeResult:
        times: Sequence[float | None] = self._per_image[split] or [None] * len(self._modes[split])
        images = [
            ImageResult(
                name=pair.name,
                metrics=scores,
                runtime_ms=runtime_ms,
                sr_sha256=self._digests.get((split, index)),
            )
            for index, (pair, scores, runtime_ms) in enumerate(
                zip(self._modes[split], self._scores[split], times, strict=True)
            )
        ]
        return ModeResult(images=images, runtime=self._runtimes[split], memory_mib=self._memory[split])


def _summary(
    summary: statistics.RuntimeStatistics, repeats: int, samples: list[list[float]]
) -> RuntimeSummary:
    return RuntimeSummary(
        protocol=summary.protocol,
        mean=summary.mean,
        median=summary.median,
        ci95=summary.ci95,
        cold=summary.cold,
        repeats=repeats,
        samples_ms=samples,
    )
