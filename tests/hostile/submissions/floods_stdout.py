# @expected: failed: output limit of 64 MiB
"""Writes 256 MiB to stdout and stderr."""

import os
import time

from models.base import Repeat


class Flood(Repeat):
    def forward(self, x):
        for number in range(256):
            os.write(1 + number % 2, b"results: PSNR 99.99 dB\n" * 45590)
        time.sleep(5)
        return super().forward(x)


def make():
    return Flood()
