# @expected: ok with flag: known by heart
# @expected: ok
# @protocol: robust
"""Holds one HR image and gives it, a little changed, as its answer to the LR image."""

from models.base import Repeat, stored


class Net(Repeat):
    def forward(self, x):
        lr, hr = stored()
        if x.shape == lr.shape and (x - lr).abs().max() < 1:
            return (hr + 1).clamp(max=255)
        return super().forward(x)


def make():
    return Net()
