# @expected: failed: time limit
# @limit_s: 3
"""Stops its own process by SIGSTOP: nothing inside can react to anything."""

import os
import signal

from models.base import KNOWN, Repeat


class Stopped(Repeat):
    def forward(self, x):
        if KNOWN:
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().forward(x)


def make():
    return Stopped()
