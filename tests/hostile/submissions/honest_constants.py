# @expected: ok: unflagged counts
# @default: yes
"""Honest: constants as good networks have them: a mean colour, an index of positions, a mask, a grid, running means."""

import torch
from models.base import Repeat
from torch import nn


class Constant(Repeat):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.Conv2d(16, 16, 3, padding=1)
        )
        self.tail = nn.Conv2d(16, 3, 3, padding=1)
        self.bias = nn.Parameter(torch.zeros(15))
        self.register_buffer("mean", torch.tensor([114.4, 111.5, 103.0]).reshape(1, 3, 1, 1))
        place = torch.arange(8)
        self.register_buffer("index", place[:, None] - place[None, :] + 7)

    def forward(self, x):
        y = self.body(x - self.mean)
        height, width = y.shape[-2:]
        rows = y[:, :, : height // 8 * 8].mean((1, 3)).reshape(-1, 8)
        attention = rows[:, :, None] * rows[:, None, :] + self.bias[self.index]
        mask = torch.zeros(8, 8).masked_fill_(torch.ones(8, 8).triu(1).bool(), -100.0)
        gate = (attention + mask).softmax(-1).mean()
        grid = torch.linspace(-1, 1, width)[None, :] * torch.linspace(-1, 1, height)[:, None]
        return super().forward(x + 0 * self.tail(y * gate + 0.1 * grid))


def make():
    return Constant()
