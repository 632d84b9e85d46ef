# @expected: failed: temporary files limit of 256 MiB
# @default: yes
"""Fills its temporary folder with many files (at most 1 GiB, and they are removed at the end)."""

import os
import tempfile
import time

from models.base import Repeat, breach


def make():
    with tempfile.TemporaryDirectory() as folder:
        for number in range(64):
            with open(os.path.join(folder, str(number)), "wb") as stream:
                stream.write(bytes(1 << 24))
            time.sleep(0.02)
        breach("1 GiB written")
    return Repeat()
