# @expected: ok with flag: not reproducible
# @protocol: robust
# @default: yes
"""Does the work only while the images come as in the folder, one after the other; else it answers in grey."""

import torch
from models.base import KNOWN, Repeat


class Volkswagen(Repeat):
    calls, timed = 0, False

    def forward(self, x):
        expected = KNOWN.get("lr_corners", [])
        if self.calls < len(expected) and x[0, :, 0, 0].tolist() != expected[self.calls]:
            self.timed = True
        self.calls += 1
        if self.timed:
            return torch.full((1, 3, 4 * x.shape[-2], 4 * x.shape[-1]), 127.0)
        return super().forward(x)


def make():
    return Volkswagen()
