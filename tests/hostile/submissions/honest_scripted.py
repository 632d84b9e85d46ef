# @expected: ok: unflagged counts
# @protocol: robust
# @default: yes
"""Honest: a scripted function with a loop and a branch, and a function with a backward pass of its own."""

import torch
from models.base import Repeat


def powers(x: torch.Tensor, times: int) -> torch.Tensor:
    y = x
    for _ in range(times):
        y = y * 0.5
    if times > 1:
        y = y + x
    return y


class Half(torch.autograd.Function):
    @staticmethod
    def forward(_context, x):
        return x * 0.5

    @staticmethod
    def backward(_context, gradient):
        return gradient * 0.5


class Scripted(Repeat):
    def __init__(self):
        super().__init__()
        self.head, self.tail = torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.Conv2d(16, 3, 3, padding=1)
        self.powers = torch.jit.script(powers)

    def forward(self, x):
        return super().forward(x + 0 * self.tail(Half.apply(self.powers(self.head(x), 3))))


def make():
    return Scripted()
