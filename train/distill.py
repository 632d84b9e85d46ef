"""Output distillation: a teacher's output is a second target. No features are compared: any can teach."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from train.losses import Term, weighted_sum


class Teacher:
    """A frozen network with its data range, and the losses towards its output."""

    def __init__(self, model: nn.Module, data_range: float, terms: Sequence[Term]) -> None:
        self.model = model.eval().requires_grad_(False)
        self.data_range, self.terms = data_range, terms

    def loss(self, low: Tensor, prediction: Tensor) -> Tensor:
        """The weighted losses between `prediction` and the teacher's output for `low`, all values 0..1."""
        with torch.no_grad():
            target = self.model(low * self.data_range) / self.data_range
        return weighted_sum(self.terms, prediction, target)
