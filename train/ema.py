"""Exponential moving average of a network's parameters and buffers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Ema:
    """Average over steps: average <- decay * average + (1 - decay) * current. It starts at the current values.

    `decay` lies in 0..1; 0.999 is usual. Integer buffers are copied, not averaged.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.average = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Add the current values of `model`, the network that this average was made from."""
        for name, value in model.state_dict().items():
            average = self.average[name]
            if average.is_floating_point():
                average.lerp_(value.to(average), 1 - self.decay)
            else:
                average.copy_(value)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by parameter name."""
        return self.average

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from saved averages. KeyError if a name is missing."""
        self.average = {name: state[name].clone().to(value) for name, value in self.average.items()}
