"""What every adapter returns, what it is given besides its source, and the error it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from eval.protocol.channel import Slot
    from eval.protocol.replies import FolderDone

ForwardPass = Callable[[torch.Tensor], torch.Tensor]


class LoadError(Exception):
    """The submission cannot be loaded; the message is the reason shown to people."""


@dataclass(frozen=True)
class Setting:
    """Where a submission is loaded. scale: of the challenge. graph: the slot of a traced network."""

    device: torch.device
    scale: int
    graph: Slot | None = None


@dataclass
class LoadedModel:
    """A submission on its device, ready to run.

    model:      what complexity is counted on; it does all that `forward` does.
    forward:    float32 1x3xHxW in 0..data_range to 1x3x(sH)x(sW) in the same range.
    data_range: 1.0 or 255.0.
    name:       the official results key or the architecture; empty if the manifest gives it.
    notes:      what was done to make the checkpoint fit, for the record.
    run_folder: of a program that turns an input folder into an output folder instead.
    """

    model: torch.nn.Module
    forward: ForwardPass
    data_range: float
    name: str = ""
    notes: tuple[str, ...] = ()
    run_folder: Callable[[str, str], FolderDone] | None = None


class Whole(torch.nn.Module):
    """A network and what is done around it, as one module: 1x3xHxW to 1x3x(sH)x(sW)."""

    def __init__(self, model: torch.nn.Module, run: ForwardPass) -> None:
        super().__init__()
        self.model = model
        self._run = run

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._run(image)
