"""The output of a run: lines while it runs, TensorBoard, a history file, and a summary at its end."""

from __future__ import annotations

import json
import platform
import shlex
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from data.errors import InputError
from data.types import Image
from train.saving import write_bytes
from train.schema.recipe import Recipe


class RunReporter:
    """Writes lines to standard error every `line_seconds`, curves to TensorBoard, and rows to the history.

    The steps of earlier stages are counted as `offset`, so curves continue over stages.
    """

    def __init__(self, out: Path, line_seconds: float = 10.0) -> None:
        self.out, self.line_seconds = out, line_seconds
        self.board = SummaryWriter(str(out / "tensorboard"))
        self._begin("", 0, 0, 0)

    def _begin(self, stage: str, steps: int, first: int, offset: int) -> None:
        self.stage, self.steps, self.first, self.offset = stage, steps, first, offset
        self.began = self.last_line = time.monotonic()
        self.images = 0
        self.psnr_db: float | None = None

    def stage_begins(self, stage: str, steps: int, first: int, offset: int) -> None:
        """A stage of `steps` begins or continues at step `first`. Later rows of the history are dropped."""
        self._begin(stage, steps, first, offset)
        rows = [row for row in read_history(self.out) if row["step"] <= offset + first]
        write_bytes(self._history, "".join(json.dumps(row) + "\n" for row in rows).encode())
        self.note(f"stage {stage}: {steps} steps" + (f", from step {first}" if first else ""))

    def note(self, text: str) -> None:
        """Print one line."""
        print(text, file=sys.stderr, flush=True)

    def step_done(self, done: int, loss: float, lr: float, images: int) -> None:
        """`done` steps of the stage are done; the last one had this loss, this rate and this many patches."""
        self.images += images
        now = time.monotonic()
        last = done == self.steps
        if now - self.last_line < self.line_seconds and not last:
            return
        self.last_line = now
        rate = self.images / max(now - self.began, 1e-9)
        left_s = (now - self.began) / max(done - self.first, 1) * (self.steps - done)
        progress = f"{self.stage} {done}/{self.steps}  loss {loss:.5f}  lr {lr:.2e}"
        quality = "" if self.psnr_db is None else f"  PSNR {self.psnr_db:.2f} dB"
        self.note(f"{progress}{quality}  {rate:.1f} images/s  {_clock(left_s)} left")
        total = self.offset + done
        self.board.add_scalar("loss", loss, total)
        self.board.add_scalar("lr", lr, total)
        self.board.add_scalar("images_per_s", rate, total)
        self._append({"step": total, "stage": self.stage, "loss": loss, "lr": lr})

    def validated(self, done: int, psnr_db: float, psnr_y_db: float, sample: Image) -> None:
        """After `done` steps the network has this PSNR. `sample` is one of its outputs, uint8 (H, W, 3)."""
        self.psnr_db = psnr_db
        total = self.offset + done
        self.board.add_scalar("psnr_db", psnr_db, total)
        self.board.add_scalar("psnr_y_db", psnr_y_db, total)
        self.board.add_image("sample", sample, total, dataformats="HWC")
        self._append({"step": total, "stage": self.stage, "psnr_db": psnr_db, "psnr_y_db": psnr_y_db})

    @property
    def _history(self) -> Path:
        return self.out / "history.jsonl"

    def _append(self, row: dict[str, Any]) -> None:
        try:
            with self._history.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise InputError(f"{self._history}: cannot be written: {error.strerror or error}") from None


def read_history(out: Path) -> list[dict[str, Any]]:
    """The rows of a run's history up to the first damaged row, such as one that a kill cut short."""
    path = out / "history.jsonl"
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def run_summary(recipe: Recipe, stages: list[dict[str, Any]], facts: dict[str, str], notes: list[str]) -> str:
    """The run in Markdown: command, versions, facts, one row per stage, notes."""
    lines = [
        f"# Training of {recipe.name}",
        "",
        f"    {shlex.join(['python', '-m', 'train', *sys.argv[1:]])}",
        "",
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "lightning", "numpy"))
    about = {"Versions": f"Python {platform.python_version()}, {versions}", **facts}
    lines += [f"- {name}: {text}" for name, text in about.items()]
    lines += [
        "",
        "| stage | network | steps | batch | HR patch | loss | PSNR (dB) | best (dB) | PSNR-Y (dB) | time |",
    ]
    lines += ["|---|---|---|---|---|---|---|---|---|---|"]
    for stage in stages:
        cells = [stage[key] for key in ("name", "network", "steps", "batch", "hr_patch")]
        cells += [
            f"{stage['loss']:.5f}",
            *(f"{stage[key]:.3f}" for key in ("psnr_db", "best_db", "psnr_y_db")),
        ]
        lines.append(f"| {' | '.join(map(str, [*cells, _clock(stage['seconds'])]))} |")
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
