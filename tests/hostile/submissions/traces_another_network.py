# @expected: ok with flag: complexity not confirmed
# @protocol: robust
"""Does its work only where nobody writes down how: a cheaper network while it is counted or traced."""

import torch
from models.base import Repeat
from torch.utils._python_dispatch import _get_current_dispatch_mode


class Actor(Repeat):
    def __init__(self):
        super().__init__()
        self.more = torch.nn.Conv2d(3, 3, 1, bias=False)
        self.more.weight.data.copy_(torch.eye(3).reshape(3, 3, 1, 1))

    def forward(self, x):
        if torch.jit.is_tracing() or _get_current_dispatch_mode() is not None:
            return super().forward(x * 0.5)
        return super().forward(self.more(x))


def make():
    return Actor()
