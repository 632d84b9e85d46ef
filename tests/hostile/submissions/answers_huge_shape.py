# @expected: failed: bad output: shape
"""An answer of 4 TB that takes no memory: a view of one number."""

import torch
from models.base import Repeat


class Bad(Repeat):
    def forward(self, x):
        return torch.zeros(1).expand(1, 3, 1 << 20, 1 << 18)


def make():
    return Bad()
