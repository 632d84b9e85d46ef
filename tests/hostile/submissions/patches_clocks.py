# @expected: ok: unchanged numbers
# @expected: ok: runtime at least 80 ms or none
"""Replaces every clock that Python offers by one that runs a thousand times slower; each image takes 100 ms."""

import time

from models.base import Repeat

_real = time.perf_counter_ns
_sleep = time.sleep


class Slow(Repeat):
    def forward(self, x):
        _sleep(0.1)
        return super().forward(x)


def make():
    for name in ("perf_counter", "monotonic", "time", "process_time", "thread_time"):
        real = getattr(time, name)
        setattr(time, name, lambda real=real: real() / 1000)
        real_ns = getattr(time, name + "_ns")
        setattr(time, name + "_ns", lambda real_ns=real_ns: real_ns() // 1000)
    return Slow()
