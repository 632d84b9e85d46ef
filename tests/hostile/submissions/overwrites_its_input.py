# @expected: ok: unchanged numbers
"""Overwrites its input after use, in the tensor and in the shared slot."""

import os

from models.base import DESCRIPTORS, Repeat


class Vandal(Repeat):
    def forward(self, x):
        y = super().forward(x).clone()
        x.fill_(255.0)
        for descriptor in DESCRIPTORS:
            try:
                if "memfd:request" in os.readlink(f"/proc/self/fd/{descriptor}"):
                    os.pwrite(descriptor, b"\xff" * 4096, 0)
            except OSError:
                continue
        return y


def make():
    return Vandal()
