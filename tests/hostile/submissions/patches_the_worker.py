# @expected: ok with flag: timing mismatch
# @expected: ok: unchanged numbers
# @expected: ok: no runtime
"""Replaces methods of the harness's own worker, found among its frames, so that it states a thousandth of the time."""

import time

from models.base import Repeat, worker_class


class Slow(Repeat):
    def forward(self, x):
        time.sleep(0.2)
        return super().forward(x)


def make():
    worker = worker_class()
    if worker is not None:
        honest = worker._timed

        def timed(self, model, image):
            output, elapsed_ms = honest(self, model, image)
            return output, elapsed_ms / 1000

        worker._timed = timed
        worker._check = lambda *_arguments: None
    return Slow()
