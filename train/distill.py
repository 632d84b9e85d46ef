"""Output distillation: the output of a teacher is a second target.

Features are not compared, so a network of any shape can teach.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from train.losses import LossTerm, weighted_sum


class Teacher:
    """A frozen network with its data range, and the losses towards its output."""

    def __init__(self, model: nn.Module, data_range: float, terms: Sequence[LossTerm]) -> None:
        self.model = model.eval().requires_grad_(False)
        self.data_range, self.terms = data_range, terms

    def loss(self, low: Tensor, prediction: Tensor) -> Tensor:
        """The weighted losses between `prediction` and the teacher's output for `low`: a scalar.

        `low` is (N, 3, H, W) and `prediction` (N, 3, H*scale, W*scale), float, values 0..1.
        """
        with torch.no_grad():
            target = self.model(low * self.data_range) / self.data_range
        return weighted_sum(self.terms, prediction, target)
