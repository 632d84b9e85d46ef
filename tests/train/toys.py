"""Networks that fail while they are trained."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from models.team00_RLFN import RLFN

SECOND = os.environ.get("LOCAL_RANK") == "1"


class NoNumberInSecond(RLFN):
    """RLFN whose output is no number while the second process trains it."""

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        return out * float("nan") if SECOND and self.training else out


class RaisesInSecond(RLFN):
    """RLFN that raises while the second process trains it."""

    def forward(self, x: Tensor) -> Tensor:
        if SECOND and self.training:
            raise LookupError("no such thing")
        return super().forward(x)


class NoNumberAsGradient(RLFN):
    """RLFN with one more term that is 0, and whose gradient is no number."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.sqrt(self.conv_1.weight.sum() * 0)
