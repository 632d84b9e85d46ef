# @expected: ok with flag: complexity not established
"""Does its work where no counter has a formula: it solves linear equations instead of multiplying matrices."""

import torch
from models.base import Repeat


class Solves(Repeat):
    def __init__(self):
        super().__init__()
        self.inverse = torch.nn.Parameter(torch.eye(3))

    def forward(self, x):
        pixels = torch.linalg.solve(self.inverse, x.flatten(2)[0])
        return super().forward(pixels.reshape(x.shape))


def make():
    return Solves()
