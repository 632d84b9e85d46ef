"""What every submission of a batch is put through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eval.challenge import Challenge
from eval.harness.dataset import Dataset
from eval.harness.worker_setup import Setup
from eval.runtime import statistics


@dataclass(frozen=True)
class Plan:
    """What every submission of a batch is put through.

    metric_names: keys of `eval.metrics`, in the order shown. save_images: folder for images; None keeps none.
    kept_hr: folders with copies of HR images, which no submission may see.
    """

    challenge: Challenge
    dataset: Dataset
    metric_names: tuple[str, ...]
    protocol: statistics.Protocol
    repeats: int
    setup: Setup
    sandbox_note: str
    save_images: Path | None = None
    kept_hr: tuple[Path, ...] = ()
