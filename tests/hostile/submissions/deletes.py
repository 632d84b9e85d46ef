# @expected: ok: unchanged numbers
# @levels: bwrap landlock
# @default: yes
"""Deletes, renames and links HR images, checkpoints and results (of the toy repository only)."""

import os

from models.base import Repeat, breach, known

DEEDS = (
    lambda path: os.rename(path, path + ".moved"),
    lambda path: os.link(path, path + ".linked"),
    lambda path: os.symlink("/etc/passwd", path + ".symlinked"),
    os.unlink,
    lambda path: os.rmdir(os.path.dirname(path)),
)


def make():
    for path in (*known("hr"), *known("checkpoints"), *known("results")):
        for number, deed in enumerate(DEEDS):
            try:
                deed(path)
            except OSError:
                continue
            breach(f"deed {number} on {path} succeeded")
    return Repeat()
