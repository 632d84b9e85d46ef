# @expected: ok: unchanged numbers
# @levels: bwrap landlock
# @default: yes
"""Opens the harness's and its own sources for writing (and writes nothing: opening is enough)."""

import os

from models.base import Repeat, breach, known


def make():
    for path in known("harness"):
        try:
            os.close(os.open(path, os.O_WRONLY))
        except OSError:
            continue
        breach(f"{path} can be opened for writing")
    for path in known("sources"):
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
