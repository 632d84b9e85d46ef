# @expected: failed: file size limit of 256 MiB|memory limit of 2 GiB
"""Writes a memfd without end (at most 2 GiB)."""

import os

from models.base import Repeat, breach


def make():
    descriptor = os.memfd_create("large")
    for _ in range(128):
        os.write(descriptor, bytes(1 << 24))
    if os.fstat(descriptor).st_size > 1 << 30:
        breach("2 GiB in a memfd")
    os.lseek(descriptor, 1 << 31, os.SEEK_SET)
    os.write(descriptor, b"x")
    return Repeat()
