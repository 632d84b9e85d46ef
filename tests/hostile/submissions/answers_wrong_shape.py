# @expected: failed: bad output: shape
"""An answer of one column less."""

from models.base import Repeat


class Bad(Repeat):
    def forward(self, x):
        return super().forward(x)[..., :-1]


def make():
    return Bad()
