# @expected: ok with flag: parameters elsewhere
"""Writes its weights as numbers in the code: some become a tensor, some multiply channels directly."""

import torch
from models.base import Repeat

NUMBERS = [float(number) / 7 for number in range(81)]


class Written(Repeat):
    def forward(self, x):
        weight = torch.zeros(3, 3, 3, 3)
        weight += torch.tensor(NUMBERS).reshape(3, 3, 3, 3) * 0
        shifted = sum((x * number for number in NUMBERS[1:30]), x) - sum(NUMBERS[1:30]) * x
        return super().forward(shifted + torch.nn.functional.conv2d(x, weight, padding=1))


def make():
    return Written()
