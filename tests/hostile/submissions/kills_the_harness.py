# @expected: ok: unchanged numbers
# @levels: bwrap landlock
"""Sends signal 0, which does nothing but ask for permission, to the organiser's processes and to everybody."""

import os

from models.base import KNOWN, Repeat, breach


def make():
    for pid in KNOWN.get("pids", []):
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        breach(f"process {pid} could be killed")
    return Repeat()
