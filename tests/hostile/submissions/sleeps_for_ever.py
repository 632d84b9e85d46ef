# @expected: failed: time limit
# @limit_s: 3
"""Sleeps in a request (for two minutes)."""

import time

from models.base import Repeat


class Sleeper(Repeat):
    def forward(self, x):
        time.sleep(120)
        return super().forward(x)


def make():
    return Sleeper()
