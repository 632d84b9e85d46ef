# @expected: failed: memory limit of 2 GiB: RuntimeError
# @default: yes
"""Allocates and fills memory without end (at most 6 GiB)."""

import torch
from models.base import Repeat, breach


class Hog(Repeat):
    def forward(self, x):
        held = [torch.ones(1 << 26) for _ in range(24)]
        breach(f"{sum(part.numel() for part in held)} numbers held")


def make():
    return Hog()
