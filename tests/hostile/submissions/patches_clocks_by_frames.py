# @expected: ok with flag: timing mismatch
# @expected: ok: no runtime
# @default: yes
"""Finds the harness's own clock by walking frames and modules in memory, and slows it down; 200 ms an image."""

import gc
import time

from models.base import Repeat

_real = time.perf_counter_ns


class Slow(Repeat):
    def forward(self, x):
        time.sleep(0.2)
        return super().forward(x)


def make():
    for value in gc.get_objects():
        if isinstance(value, dict) and "_perf_counter_ns" in value:
            value["_perf_counter_ns"] = lambda: _real() // 1000
    return Slow()
