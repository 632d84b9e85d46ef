# @expected: ok with flag: parameters elsewhere
# @default: yes
"""Keeps its weights in buffers and multiplies them by one parameter before they are used."""

import torch
from models.base import Repeat


class Scaled(Repeat):
    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.zeros(3, 3, 9, 9))
        self.gain = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return super().forward(x + torch.nn.functional.conv2d(x, self.kept * self.gain, padding=4))


def make():
    return Scaled()
