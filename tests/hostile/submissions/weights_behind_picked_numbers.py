# @expected: ok with flag: parameters elsewhere
"""Declares a table of few values as its parameter; a buffer of integers says where each weight lies in it."""

import torch
from models.base import Repeat


class Picked(Repeat):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(16))
        self.register_buffer("which", torch.arange(729).remainder(16).reshape(3, 3, 9, 9))

    def forward(self, x):
        return super().forward(x + torch.nn.functional.conv2d(x, self.table[self.which], padding=4))


def make():
    return Picked()
