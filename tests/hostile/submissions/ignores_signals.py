# @expected: failed: time limit
# @limit_s: 3
"""Blocks and ignores every signal that can be, then works on and on (for a minute)."""

import signal
import time

from models.base import Repeat


class Deaf(Repeat):
    def forward(self, x):
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        end = time.monotonic() + 60
        while time.monotonic() < end:
            super().forward(x)
        return super().forward(x)


def make():
    return Deaf()
