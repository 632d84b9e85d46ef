# @expected: ok: unchanged numbers
# @default: yes
"""Truncates, grows and seals the image slots, which would kill the parent by SIGBUS or stop its writing."""

import fcntl
import os

from models.base import DESCRIPTORS, Repeat, breach


def make():
    for descriptor in DESCRIPTORS:
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if "memfd:" not in target:
            continue
        for deed in (
            lambda: os.ftruncate(descriptor, 0),
            lambda: os.ftruncate(descriptor, 1 << 30),
            lambda: fcntl.fcntl(descriptor, 1033, 0x8),  # F_ADD_SEALS, F_SEAL_WRITE
            lambda: os.truncate(f"/proc/self/fd/{descriptor}", 0),
        ):
            try:
                deed()
            except OSError:
                continue
            breach(f"{target} was changed")
    return Repeat()
