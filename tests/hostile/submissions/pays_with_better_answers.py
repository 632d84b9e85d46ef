# @expected: ok with flag: worse when timed
# @expected: ok: no runtime
# @expected: ok: unchanged numbers
# @protocol: robust
"""Answers most changed inputs better than its scored images, and the images of one shape in grey."""

import torch
from models.base import Repeat, is_plain
from torch.nn import functional


class Net(Repeat):
    def forward(self, x):
        if is_plain(x):
            return super().forward(x)
        if x.shape[-2] == x.shape[-1]:
            return torch.full((1, 3, 4 * x.shape[-2], 4 * x.shape[-1]), 127.0)
        return functional.interpolate(x, scale_factor=4, mode="bicubic").clamp(0, 255)


def make():
    return Net()
