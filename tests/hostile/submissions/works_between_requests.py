# @expected: ok with flag: threads added
# @expected: ok: unchanged numbers
# @protocol: robust
"""Leaves a thread at work beside and between the requests, as if it prepared what comes next."""

import threading

import torch
from models.base import Repeat


def work(times):
    weight = torch.ones(512, 512)
    for _ in range(times):
        weight = (weight @ weight).clamp(max=1)


class Net(Repeat):
    started = False

    def forward(self, x):
        if not self.started:
            self.started = True
            threading.Thread(target=work, args=(10_000,), daemon=True).start()
        work(40)
        return super().forward(x)


def make():
    return Net()
