# @expected: ok: unchanged numbers
"""Leaves a thread behind that is not a daemon thread and runs for a minute."""

import threading
import time

from models.base import Repeat


def make():
    threading.Thread(target=time.sleep, args=(60,)).start()
    return Repeat()
