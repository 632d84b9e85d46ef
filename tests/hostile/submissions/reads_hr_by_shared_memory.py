# @expected: ok: unchanged numbers
"""Hopes that the parent, or the other worker, left an image in the shared slots or in /dev/shm."""

import glob
import os

from models.base import DESCRIPTORS, Repeat, as_output


class Thief(Repeat):
    def forward(self, x):
        needed = 16 * x.shape[-1] * x.shape[-2] * 3
        contents = []
        for descriptor in DESCRIPTORS:
            try:
                if "memfd:answer" in os.readlink(f"/proc/self/fd/{descriptor}"):
                    contents.append(os.pread(descriptor, needed, 0))
            except OSError:
                continue
        for path in glob.glob("/dev/shm/*"):
            try:
                with open(path, "rb") as stream:
                    contents.append(stream.read(needed))
            except OSError:
                continue
        for content in contents:
            if len(content) == needed and len(set(content)) > 1:  # neither zeros nor an emptied slot
                return as_output(content, x)
        return super().forward(x)


def make():
    return Thief()
