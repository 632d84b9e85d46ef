# @expected: ok: unchanged numbers
# @levels: bwrap landlock
"""Changes mode, owner, times and attributes of files that it may read and of some that it may not."""

import os

from models.base import Repeat, breach, known

CHANGES = (
    lambda path: os.chmod(path, 0o666),
    lambda path: os.utime(path, (0, 0)),
    lambda path: os.chown(path, os.getuid(), os.getgid()),
    lambda path: os.setxattr(path, "user.seen", b"1"),
    lambda path: os.truncate(path, 0),
)


def make():
    for path in (*known("sources"), *known("hr"), *known("results")):
        for number, change in enumerate(CHANGES):
            try:
                change(path)
            except OSError:
                continue
            breach(f"change {number} of {path} succeeded")
    return Repeat()
