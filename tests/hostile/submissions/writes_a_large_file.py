# @expected: failed: (file size|temporary files) limit of 256 MiB
"""Writes one file without end (at most 2 GiB)."""

import tempfile

from models.base import Repeat, breach


def make():
    with tempfile.TemporaryFile() as stream:
        for _ in range(128):
            stream.write(bytes(1 << 24))
        breach("2 GiB in one file")
    return Repeat()
