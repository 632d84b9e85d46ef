# @expected: failed: memory limit of 2 GiB
"""Fills shared memory, which RLIMIT_DATA does not count (at most 6 GiB)."""

import mmap
import time

from models.base import Repeat, breach


class Hog(Repeat):
    def forward(self, x):
        block = b"x" * (1 << 20)
        held = []
        for _ in range(48):
            shared = mmap.mmap(-1, 1 << 27)
            for _ in range(128):
                shared.write(block)
            held.append(shared)
            time.sleep(0.05)
        breach(f"{len(held)} shared blocks held")


def make():
    return Hog()
