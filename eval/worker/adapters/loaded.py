"""What every adapter's worker half returns, and the errors it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class LoadError(Exception):
    """The submission cannot be loaded; the message is the reason shown to people."""


@dataclass
class Loaded:
    """A submission on its device, ready to run.

    model: what complexity is counted on. forward: float32 1x3xHxW in 0..data_range to 1x3x(sH)x(sW) in the same
    range. name: the official results key, empty where the manifest gives it. data_range: 1.0 or 255.0.
    run_folder: of programs that turn an input folder into an output folder instead (`imagesr_folder.Program.run`).
    """

    model: torch.nn.Module
    forward: Callable[[torch.Tensor], torch.Tensor]
    data_range: float
    name: str = ""
    run_folder: Callable[[str, str], tuple[float, ...]] | None = None
