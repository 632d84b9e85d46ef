# @expected: ok: unchanged numbers
# @levels: bwrap landlock
"""Opens the checkpoints of the repository for writing (and writes nothing: opening is enough)."""

from models.base import Repeat, known, open_for_writing


def make():
    for path in known("checkpoints"):
        open_for_writing(path)
    return Repeat()
