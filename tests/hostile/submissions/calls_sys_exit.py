# @expected: failed: sys\.exit\(0\)
"""Ends with status 0, as if all were done."""

import sys

from models.base import Repeat


class Quitter(Repeat):
    def forward(self, x):
        sys.exit(0)


def make():
    return Quitter()
