# @expected: failed: protocol: its time in ms stated as nan
"""States NaN as its time, which compares as neither too long nor too short."""

from models.base import Repeat, worker_class


def make():
    worker = worker_class()
    if worker is not None:
        honest = worker._timed
        worker._timed = lambda self, *rest: (honest(self, *rest)[0], float("nan"))
    return Repeat()
