# @expected: ok with flag: complexity not established
# @default: yes
"""Multiplies by adding logarithms: a convolution that is neither a product nor an operator with a formula."""

import torch
from models.base import Repeat


class Logarithms(Repeat):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((3, 27 * 9), -9.0))

    def forward(self, x):
        around = torch.nn.functional.unfold(x + 1, 9, padding=4)[0].add(1).log()
        rows = [(around + row[:, None]).exp().sum(0) for row in self.weight]
        return super().forward(x + 0 * torch.stack(rows).reshape(x.shape))


def make():
    return Logarithms()
