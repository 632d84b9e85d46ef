"""One worker that holds a submission, started and asked as the judge does, for as long as its checks take."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from data.images import image_size, modcrop, read_rgb
from data.pairs import ImagePair
from data.types import Image
from eval.failures import SubmissionFailed
from eval.harness import build_step, ground_truth
from eval.harness.plan import Plan
from eval.harness.scoring.reference import enlarged
from eval.harness.worker_process import Answer, WorkerProcess
from eval.metrics.psnr import psnr
from eval.protocol.replies import Examined, Loaded
from eval.submissions.submission import Submission
from eval.validation.item import NotCheckedError

# Height and width of a typical LR image of DIV2K's validation set.
TYPICAL = (340, 512)
_LEAST_SIDE = 48  # pixels of the LR image that quality is judged on, if the set has one
# Words of a failure after which nothing more can be asked.
_ENDED = ("process ended", "time limit", "protocol", "killed", "limit of")


class Session:
    """A submission in its worker. What fails is remembered: later checks are then not made.

    budget_s: how long the forward pass of one typical image may take before it is left out.
    """

    def __init__(self, submission: Submission, plan: Plan, budget_s: float) -> None:
        largest = max(plan.dataset.max_lr_pixels(), TYPICAL[0] * TYPICAL[1])
        self.submission, self.plan, self.budget_s = submission, plan, budget_s
        self._setup = replace(plan.setup, max_pixels=largest)
        self._stack = contextlib.ExitStack()
        self._worker: WorkerProcess | None = None
        self._loaded: Loaded | None = None
        self._ended = ""
        self.answers: dict[str, Image] = {}
        self.typical_ms: float | None = None
        self.smallest: tuple[int, int] | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def start(self) -> WorkerProcess:
        """The worker, confined. Raises SubmissionFailed if it must not be started or cannot be built."""
        if self._ended:
            raise NotCheckedError(self._ended)
        if self._worker is None:
            problem = ground_truth.refusal(self.submission, self.plan)
            with self._remembered("it cannot be started"):
                if problem:
                    raise SubmissionFailed(problem)
                ready = self._stack.enter_context(build_step.built(self.submission, self._setup))
                self._worker = self._stack.enter_context(WorkerProcess(ready, self._setup))
        return self._worker

    def load(self) -> Loaded:
        """Load the submission, once."""
        worker = self.start()
        with self._remembered("it cannot be loaded"):
            self._loaded = self._loaded or worker.load()
        return self._loaded

    @property
    def worker(self) -> WorkerProcess:
        """The worker with the submission in it. Raises NotCheckedError if there is none."""
        if self._ended or self._loaded is None or self._worker is None:
            raise NotCheckedError(self._ended or "it is not loaded")
        return self._worker

    def forward(self, image: Image, name: str) -> Answer:
        """Super-resolve an image. Raises SubmissionFailed; if the process is lost, nothing more can be asked."""
        try:
            return self.worker.forward(image, name)
        except SubmissionFailed as failure:
            if any(words in str(failure) for words in _ENDED):
                self._ended = "its process ended in an earlier check"
            raise

    def answer(self) -> Image:
        """The SR image of `pair`, made once. Raises NotCheckedError if an earlier check found that it fails."""
        if self.pair.name not in self.answers:
            raise NotCheckedError("it gives no image")
        return self.answers[self.pair.name]

    @cached_property
    def state(self) -> Examined:
        """The state of the network after a forward pass."""
        self.answer()
        return self.worker.examine(self.lr)

    def typical(self) -> float | None:
        """Milliseconds for a typical LR image; None if the time allowed is too short for it."""
        if self.typical_ms is None:
            height, width = self.lr.shape[:2]
            quick = self.forward(self.lr, "again").worker_ms
            expected_s = quick * TYPICAL[0] * TYPICAL[1] / (height * width) / 1e3
            if expected_s > self.budget_s:
                return None
            self.typical_ms = self.forward(
                tiled_to(self.lr, *TYPICAL), f"{TYPICAL[1]}x{TYPICAL[0]}"
            ).worker_ms
        return self.typical_ms

    @cached_property
    def pair(self) -> ImagePair:
        """The pair of images that quality is judged on: the smallest that is no stamp."""
        pairs = [pair for some in self.plan.dataset.modes.values() for pair in some]
        return _fit(pairs)

    @cached_property
    def lr(self) -> Image:
        return read_rgb(self.pair.lr)

    def quality(self, sr: Image) -> float:
        """PSNR in dB of an SR image of `pair`."""
        hr = modcrop(read_rgb(self.pair.hr), self.plan.challenge.scale)
        return psnr(sr, hr, self.plan.challenge.border)

    @cached_property
    def bicubic_db(self) -> float:
        """PSNR in dB of bicubic enlargement of `pair`."""
        return self.quality(enlarged(self.lr, self.plan.challenge.scale))

    @contextlib.contextmanager
    def another(self, submission: Submission) -> Iterator[WorkerProcess]:
        """A second worker with a loaded submission."""
        with WorkerProcess(submission, self._setup) as worker:
            worker.load()
            yield worker

    @contextlib.contextmanager
    def _remembered(self, what: str) -> Iterator[None]:
        try:
            yield
        except SubmissionFailed:
            self._ended = what
            raise


def _fit(pairs: Sequence[ImagePair]) -> ImagePair:
    by_area = sorted(pairs, key=lambda pair: np.prod(image_size(pair.lr)))
    return next((pair for pair in by_area if min(image_size(pair.lr)) >= _LEAST_SIDE), by_area[-1])


def tiled_to(image: Image, height: int, width: int) -> Image:
    """An image of the given size in pixels, made of copies of `image` and cut."""
    rows, columns = -(-height // image.shape[0]), -(-width // image.shape[1])
    return np.ascontiguousarray(np.tile(image, (rows, columns, 1))[:height, :width])
