# @expected: failed: bad output: a Lazy
"""A tensor subclass that computes when it is first used, after the clock has stopped."""

import torch
from models.base import Repeat


class Lazy(torch.Tensor):
    work = None

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            args = [a.work() if isinstance(a, Lazy) and a.work else a for a in args]
            return function(*args, **(kwargs or {}))


class Bad(Repeat):
    def forward(self, x):
        y = torch.zeros(1, 3, 4 * x.shape[-2], 4 * x.shape[-1]).as_subclass(Lazy)
        y.work = lambda: super(Bad, self).forward(x)
        return y


def make():
    return Bad()
