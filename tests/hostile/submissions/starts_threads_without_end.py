# @expected: failed: limit of 256 processes and threads
"""Starts threads until the limit of tasks; at most 2000, each of which ends after ten seconds."""

import threading
import time

from models.base import Repeat, breach


def make():
    for _ in range(2000):
        threading.Thread(target=time.sleep, args=(10,), daemon=True).start()
    breach("2000 threads")
    return Repeat()
