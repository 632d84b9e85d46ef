# @expected: ok with flag: parameters elsewhere
"""Declares its weights as buffers, which parameters() does not list."""

import torch
from models.base import Repeat


class Hidden(Repeat):
    def __init__(self):
        super().__init__()
        for number in range(4):
            self.register_buffer(f"weight{number}", torch.zeros(3, 3, 9, 9))

    def forward(self, x):
        for number in range(4):
            x = x + torch.nn.functional.conv2d(x, getattr(self, f"weight{number}"), padding=4)
        return super().forward(x)


def make():
    return Hidden()
