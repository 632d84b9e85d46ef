# @expected: ok with flag: parameters elsewhere
"""Declares one number as its parameter, and reads what lies behind it in the same memory."""

import torch
from models.base import Repeat


class Behind(Repeat):
    def __init__(self):
        super().__init__()
        self._all = [torch.zeros(729)]
        self.shown = torch.nn.Parameter(self._all[0][:1])

    def forward(self, x):
        for weight in self._all[0].reshape(3, 3, 3, 3, 9).unbind(-1):
            x = x + torch.nn.functional.conv2d(x, weight, padding=1)
        return super().forward(x + self.shown)


def make():
    return Behind()
