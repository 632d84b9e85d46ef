# @expected: ok with flag: threads added
# @expected: ok: unchanged numbers
# @protocol: robust
"""Runs on more threads than the organiser gives, by torch's own setting. The work is that of a slow network."""

import torch
from models.base import Repeat


class Net(Repeat):
    def forward(self, x):
        torch.set_num_threads(4)
        weight = torch.ones(512, 512)
        for _ in range(60):
            weight = (weight @ weight).clamp(max=1)
        return super().forward(x)


def make():
    return Net()
