# @expected: ok with flag: not reproducible
# @protocol: robust
"""Another output every time, one of which may be lucky."""

import torch
from models.base import Repeat


class Dice(Repeat):
    def forward(self, x):
        y = super().forward(x)
        return y + 20 * torch.randn_like(y)


def make():
    return Dice()
