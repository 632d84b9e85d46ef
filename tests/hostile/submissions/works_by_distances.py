# @expected: ok with flag: complexity not established
"""Has its products made inside an operator for distances: |a - b| squared holds the product of a and b."""

import torch
from models.base import Repeat


class Distances(Repeat):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(8, 3))

    def forward(self, x):
        near = torch.cdist(x[0].flatten(1).t().contiguous(), self.weight)
        return super().forward(x + 0 * near.mean(1).reshape(1, 1, *x.shape[2:]))


def make():
    return Distances()
