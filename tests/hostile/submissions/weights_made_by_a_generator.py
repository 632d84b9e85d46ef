# @expected: ok with flag: parameters elsewhere
"""Draws its weights from a seeded generator in each forward pass, so nothing has to be kept."""

import torch
from models.base import Repeat


class Drawn(Repeat):
    def forward(self, x):
        weight = torch.rand(3, 3, 9, 9, generator=torch.Generator().manual_seed(7)).sub(0.5)
        return super().forward(x + 0 * torch.nn.functional.conv2d(x, weight, padding=4))


def make():
    return Drawn()
