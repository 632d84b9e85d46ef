# @expected: ok with flag: timing mismatch
# @expected: ok: unchanged numbers
# @expected: ok: no runtime
"""Replaces methods of the harness's own worker, found among its frames, so that it states a thousandth of the time."""

import sys
import time

from models.base import Repeat


class Slow(Repeat):
    def forward(self, x):
        time.sleep(0.2)
        return super().forward(x)


def make():
    frame = sys._getframe()
    while frame is not None:
        worker = frame.f_locals.get("self")
        if type(worker).__name__ == "Worker":
            honest = type(worker)._timed

            def timed(self, model, image, honest=honest):
                output, elapsed_ms = honest(self, model, image)
                return output, elapsed_ms / 1000

            type(worker)._timed = timed
            type(worker)._check = lambda *_arguments: None
        frame = frame.f_back
    return Slow()
