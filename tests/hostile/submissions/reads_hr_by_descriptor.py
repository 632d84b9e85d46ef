# @expected: ok: unchanged numbers
# @default: yes
"""Goes through every inherited descriptor for a file, or a folder from which one can climb."""

import os

from models.base import DESCRIPTORS, Repeat, as_output, known


class Thief(Repeat):
    def forward(self, x):
        for descriptor in DESCRIPTORS:
            for path in (*known("hr"), None):
                try:
                    if path is None:
                        content = os.pread(descriptor, 1 << 22, 0)
                    else:
                        other = os.open(path.lstrip("/"), os.O_RDONLY, dir_fd=descriptor)
                        content = os.read(other, 1 << 22)
                        os.close(other)
                except OSError:
                    continue
                found = as_output(content, x) if content.startswith(b"\x89PNG") else None
                if found is not None:
                    return found
        return super().forward(x)


def make():
    return Thief()
