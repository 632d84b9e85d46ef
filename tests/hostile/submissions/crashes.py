# @expected: failed: killed by signal 11
"""Reads address 0."""

import ctypes

from models.base import KNOWN, Repeat


class Crash(Repeat):
    def forward(self, x):
        if KNOWN:
            ctypes.string_at(0)
        return super().forward(x)


def make():
    return Crash()
