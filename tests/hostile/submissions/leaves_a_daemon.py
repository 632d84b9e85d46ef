# @expected: ok: unchanged numbers
"""Leaves a daemon behind by forking twice in a session of its own; it would end after twenty seconds."""

import os
import signal
import time

from models.base import Repeat, breach


def daemonise():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(20)
        os._exit(0)


def make():
    try:
        daemonise()
    except OSError:
        return Repeat()
    breach("a daemon was started")
