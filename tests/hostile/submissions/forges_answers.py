# @expected: failed: protocol
# @default: yes
"""Writes frames that say "all is well" to every descriptor, in the layout of the harness's own replies."""

import os
import struct

from models.base import DESCRIPTORS, KNOWN, Repeat

FRAME = struct.pack("<16sBBH16d32768s", bytes(16), 0, 1, 0, 1e-3, *[0.0] * 15, b"")


class Forger(Repeat):
    def forward(self, x):
        for descriptor in (1, 2, *DESCRIPTORS) if KNOWN else ():
            try:
                os.write(descriptor, FRAME)
            except OSError:
                continue
        return super().forward(x)


def make():
    return Forger()
