# @expected: ok with flag: complexity not established
"""Works hard on photographs and skips the work on noise, which is what operations are counted on."""

import torch
from models.base import Repeat


class Picky(Repeat):
    def __init__(self):
        super().__init__()
        self.heavy = torch.nn.Conv2d(3, 3, 9, padding=4)

    def forward(self, x):
        if torch.equal(x, x.round()):  # a photograph has whole grey levels
            x = x + 0 * self.heavy(x)
        return super().forward(x)


def make():
    return Picky()
