"""What a person sees while a batch runs: bars with the running PSNR on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from eval.harness.scoring.scorer_pool import ImageScores


class BatchReporter(Protocol):
    """Called from the main and the scorer threads."""

    def stage(self, model: str, doing: str) -> None:
        """What happens now, for steps that take seconds and have no images to count."""

    def image(self, model: str, split: str, name: str, scores: ImageScores, total: int) -> None:
        """One image of `total` of this split was scored."""

    def timing(self, model: str, split: str, total: int) -> None:
        """The timed pass begins, with `total` requests."""

    def timed(self) -> None:
        """One timed request was answered."""


class Lines:
    """One plain line per image: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def stage(self, model: str, doing: str) -> None:
        self._console.print(f"{model}  ({doing})", highlight=False, markup=False, soft_wrap=True)

    def image(self, model: str, split: str, name: str, scores: ImageScores, total: int) -> None:
        shown = "  ".join(f"{key} {value:.4f}" for key, value in scores.items())
        self._console.print(
            f"{model}  {split}  {name}  {shown}", highlight=False, markup=False, soft_wrap=True
        )

    def timing(self, model: str, split: str, total: int) -> None:
        self._console.print(
            f"{model}  {split}  timing: {total} forward passes", highlight=False, markup=False
        )

    def timed(self) -> None:
        pass


class Bars:
    """A progress bar per pass, with the running mean PSNR."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._psnr: dict[tuple[str, str], list[float]] = {}
        self._timing: TaskID | None = None
        self._stage: TaskID | None = None

    def stage(self, model: str, doing: str) -> None:
        with self._lock:
            if self._stage is not None:
                self._progress.remove_task(self._stage)
            self._stage = self._progress.add_task(model, total=None, note=doing)

    def image(self, model: str, split: str, name: str, scores: ImageScores, total: int) -> None:
        key = (model, split)
        with self._lock:
            if key not in self._tasks:
                self._end_stage()
                self._tasks[key] = self._progress.add_task(f"{model} {split}", total=total, note="")
            seen = self._psnr.setdefault(key, [])
            seen.append(scores.get("psnr", next(iter(scores.values()), float("nan"))))
            note = f"PSNR {sum(seen) / len(seen):.2f} dB"
            self._progress.update(self._tasks[key], advance=1, note=note)

    def timing(self, model: str, split: str, total: int) -> None:
        with self._lock:
            self._end_stage()
        self._timing = self._progress.add_task(f"{model} {split}", total=total, note="timing")

    def timed(self) -> None:
        if self._timing is not None:
            self._progress.advance(self._timing)

    def _end_stage(self) -> None:
        if self._stage is not None:
            self._progress.remove_task(self._stage)
            self._stage = None


def duration(seconds: float) -> str:
    """About how long, in words.

    >>> duration(42), duration(350), duration(8000)
    ('42 s', '6 min', '2.2 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def bars(console: Console) -> Progress:
    """The bar's look; the last column is the task's note."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    return Progress(*columns, TimeRemainingColumn(), console=console)


@contextmanager
def reporting(console: Console) -> Iterator[BatchReporter]:
    """Bars on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with bars(console) as progress:
        yield Bars(progress)
