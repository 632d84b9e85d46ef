"""Scoring SR against HR images in threads of the parent, beside the worker or between its requests.

cv2 and numpy release Python's lock while they work. So threads use all cores, and no image is copied.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import cv2

from data.errors import InputError
from data.images import modcrop, read_rgb
from data.pairs import ImagePair
from data.types import Image
from eval.failures import SubmissionFailed
from eval.harness.scoring.saved_images import Keep
from eval.metrics import registry

ImageScores = dict[str, float]
Task = Callable[[], ImageScores]
_T = TypeVar("_T")
_KEPT = "finished evaluations are kept, --resume goes on"
# Images that wait unscored: bounds the parent's memory (8.3 MB per 2040x1356 image), keeps every core busy.
_WAITING = 8


class ScorerPool:
    """Threads that decode HR images and compute metrics. One pool serves a whole batch.

    beside: computes further metrics of an SR and its cropped HR image, called from the threads.
    reference: meets each pair and its cropped HR image, called from the threads.
    """

    def __init__(
        self,
        metrics: Sequence[registry.Metric],
        scale: int,
        threads: int | None = None,
        beside: Callable[[Image, Image], ImageScores] | None = None,
        reference: Callable[[ImagePair, Image], None] | None = None,
    ) -> None:
        self._metrics, self._scale, self._beside = metrics, scale, beside
        self._reference = reference
        # One image per thread: cv2's own threads (a process-wide setting) would only get in each other's way.
        cv2.setNumThreads(1)
        self._threads = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="scorer")

    def __enter__(self) -> ScorerPool:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def decode(self, pair: ImagePair) -> Future[Image]:
        """Start reading the LR image of `pair` (uint8 HxWx3)."""
        return self._submit(functools.partial(read_rgb, pair.lr))

    def start(self, task: Task) -> Future[ImageScores]:
        """Let a thread do `task`. Raises InputError if no thread is left."""
        return self._submit(task)

    def _submit(self, task: Callable[[], _T]) -> Future[_T]:
        try:
            return self._threads.submit(task)
        except RuntimeError as error:
            raise InputError(f"no thread to score with ({error}); {_KEPT}") from None

    def task(self, sr: Image, pair: ImagePair, keep: Keep | None = None) -> Task:
        """The work of scoring one image: metric values by key. `keep` gets SR and HR first.

        sr: uint8 HxWx3, RGB. The task raises SubmissionFailed if a metric has no value for the image. It raises
        InputError for anything else, because this is the organiser's side and no submission's fault.
        """

        def score() -> ImageScores:
            try:
                hr = modcrop(read_rgb(pair.hr), self._scale)
                if keep:
                    keep(sr, hr)
                if self._reference:
                    self._reference(pair, hr)
                scores = registry.measure(sr, hr, self._metrics)
                return {**scores, **self._beside(sr, hr)} if self._beside else scores
            except SubmissionFailed as failure:
                raise SubmissionFailed(f"image {pair.name}: {failure}") from None
            except InputError:
                raise
            except Exception as error:  # out of memory, a damaged library
                reason = f"{type(error).__name__}: {error!s:.200}"
                raise InputError(f"image {pair.name} cannot be scored ({reason}); {_KEPT}") from error

        return score


class ScoreBeside:
    """Scores each image at once, beside the running worker: for passes whose time is not measured."""

    def __init__(self, pool: ScorerPool) -> None:
        self._pool = pool
        self._futures: list[Future[ImageScores]] = []
        self._settled = 0

    def add(self, task: Task) -> None:
        """Start a task; waits for the oldest if too many images are unscored."""
        self._futures.append(self._pool.start(task))
        if len(self._futures) - self._settled > _WAITING:
            self._futures[self._settled].result()
            self._settled += 1

    def release(self) -> None:
        """All tasks have been started already."""

    def finish(self) -> list[ImageScores]:
        """All scores, in the order in which images were added. Raises what a task raised."""
        return [future.result() for future in self._futures]


class ScoreBetween:
    """Holds images back and scores them between requests, so that scoring never disturbs a timed pass."""

    def __init__(self, pool: ScorerPool) -> None:
        self._pool = pool
        self._held: list[Task] = []
        self._futures: list[Future[ImageScores]] = []

    def add(self, task: Task) -> None:
        """Hold a task back; if many are held, do them all, on all cores, before returning."""
        self._held.append(task)
        if len(self._held) >= _WAITING:
            self.release()
            self.finish()

    def release(self) -> None:
        """The timed pass is over: start what was held back."""
        self._futures += [self._pool.start(task) for task in self._held]
        self._held = []

    def finish(self) -> list[ImageScores]:
        """All scores, in the order in which images were added. Raises what a task raised."""
        self.release()
        return [future.result() for future in self._futures]
