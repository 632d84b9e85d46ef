# @expected: ok: unchanged numbers
# @levels: bwrap landlock
"""Opens the checkpoints of the repository for writing (and writes nothing: opening is enough)."""

import os

from models.base import Repeat, breach, known


def make():
    for path in known("checkpoints"):
        for target, flags in (
            (path, os.O_WRONLY),
            (path, os.O_RDWR),
            (f"{path}.new", os.O_CREAT | os.O_WRONLY),
        ):
            try:
                os.close(os.open(target, flags, 0o600))
            except OSError:
                continue
            breach(f"{target} can be opened for writing")
    return Repeat()
