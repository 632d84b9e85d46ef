# @expected: ok with flag: parameters elsewhere
# @default: yes
"""Overrides parameters(), named_parameters() and state_dict(), and keeps its weights in a plain list."""

import torch
from models.base import Repeat


class Hidden(Repeat):
    def __init__(self):
        super().__init__()
        self.hidden = [torch.zeros(3, 3, 9, 9) for _ in range(4)]

    def parameters(self, recurse=True):
        return iter(())

    def named_parameters(self, *_args, **_kwargs):
        return iter(())

    def forward(self, x):
        for weight in self.hidden:
            x = x + torch.nn.functional.conv2d(x, weight, padding=4)
        return super().forward(x)


def make():
    return Hidden()
