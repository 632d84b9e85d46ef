"""A loaded submission under switches that ought not to change its pixels."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import torch

from eval.protocol.switches import AS_JUDGED, Switches
from eval.worker.adapters.loaded_model import LoadedModel

MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def switched(loaded: LoadedModel, switches: Switches) -> LoadedModel:
    """`loaded` with `switches` set around each forward pass; `loaded` itself if they change nothing."""
    if switches == AS_JUDGED:
        return loaded
    if switches.memory_format == "channels_last":
        _with_channels_last(loaded.model)

    def forward(image: torch.Tensor) -> torch.Tensor:
        _set(switches)
        if switches.memory_format:
            image = image.contiguous(memory_format=MEMORY_FORMATS[switches.memory_format])
        if not switches.neighbour:
            return loaded.forward(image)
        # The neighbour has other statistics and another content: a mirrored negative.
        other = (loaded.data_range - image).flip(-1)
        return loaded.forward(torch.cat((other, image)))[1:]

    return replace(loaded, forward=forward)


def _set(switches: Switches) -> None:
    """Before each image, because a team's code may set the same."""
    if switches.seed is not None:
        torch.manual_seed(switches.seed)
        random.seed(switches.seed)
        np.random.seed(switches.seed)  # noqa: NPY002 - what a team's code draws from
    if switches.tf32 is not None:
        torch.backends.cuda.matmul.allow_tf32 = switches.tf32
        torch.backends.cudnn.allow_tf32 = switches.tf32


def _with_channels_last(model: torch.nn.Module) -> None:
    """Weights of two-dimensional convolutions only: no other kind of weight has this format."""
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            part.to(memory_format=torch.channels_last)
