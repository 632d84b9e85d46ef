# @expected: ok with flag: timing mismatch
# @expected: ok: no runtime
"""States NaN as its time, which compares as neither too long nor too short."""

import sys

from models.base import Repeat


def make():
    frame = sys._getframe()
    while frame is not None:
        worker = frame.f_locals.get("self")
        if type(worker).__name__ == "Worker":
            honest = type(worker)._timed
            type(worker)._timed = lambda self, *rest, honest=honest: (honest(self, *rest)[0], float("nan"))
        frame = frame.f_back
    return Repeat()
