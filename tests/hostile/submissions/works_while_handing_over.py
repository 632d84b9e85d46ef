# @expected: ok: unchanged numbers
# @expected: ok: runtime at least 1 ms or none
"""Works for 1.5 ms after the worker's clock stopped, while it hands over its values: one gap was allowed for that."""

import time

from models.base import Repeat, worker_class


def make():
    worker = worker_class()
    if worker is not None:
        honest = worker._hand_over

        def hand_over(self, output):
            end = time.perf_counter() + 0.0015
            while time.perf_counter() < end:
                pass
            honest(self, output)

        worker._hand_over = hand_over
    return Repeat()
