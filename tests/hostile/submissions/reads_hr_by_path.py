# @expected: ok: unchanged numbers
# @levels: bwrap landlock
# @default: yes
"""Hands in the HR image, read by its path."""

from models.base import Repeat, as_output, known


class Thief(Repeat):
    def forward(self, x):
        for path in known("hr"):
            try:
                with open(path, "rb") as stream:
                    found = as_output(stream.read(), x)
            except OSError:
                continue
            if found is not None:
                return found
        return super().forward(x)


def make():
    return Thief()
