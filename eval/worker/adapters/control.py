"""A model of known behaviour and next to no cost: calibrates the gap between the parent's and a worker's clock."""

from __future__ import annotations

import torch

from eval.protocol.job import ControlSource
from eval.worker.adapters.loaded_model import LoadedModel, Setting


class PixelRepeat(torch.nn.Module):
    """Nearest-neighbour up-sampling: 1x3xHxW to 1x3x(sH)x(sW)."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(image, scale_factor=self.scale, mode="nearest")


def load(_source: ControlSource, setting: Setting) -> LoadedModel:
    """The control model on the worker's device."""
    model = PixelRepeat(setting.scale).eval().to(setting.device)
    return LoadedModel(model, model, 255.0)
