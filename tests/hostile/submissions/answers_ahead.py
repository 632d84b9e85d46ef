# @expected: failed: protocol|bad output: NaN
"""Finds the request's random bytes among the frames and answers itself, before the work is done."""

import os
import struct

from models.base import DESCRIPTORS, KNOWN, Repeat, frames


class Forger(Repeat):
    def forward(self, x):
        for frame in frames():
            request = frame.f_locals.get("request")
            if KNOWN and request is not None and hasattr(request, "nonce"):
                reply = struct.pack("<16sBBH16d32768s", request.nonce, 0, 1, 0, 1e-3, *[0.0] * 15, b"")
                for descriptor in DESCRIPTORS:
                    try:
                        if "socket" in os.readlink(f"/proc/self/fd/{descriptor}"):
                            os.write(descriptor, reply)
                    except OSError:
                        continue
        return super().forward(x)


def make():
    return Forger()
