# @expected: ok with flag: threads added
# @expected: ok: unchanged numbers
# @protocol: robust
"""Leaves a thread at work between the requests, when no clock of its own runs."""

import threading
import time

import torch
from models.base import Repeat


def work():
    weight = torch.ones(512, 512)
    while True:
        weight = (weight @ weight).clamp(max=1)


class Net(Repeat):
    started = False

    def forward(self, x):
        time.sleep(0.02)
        if not self.started:
            self.started = True
            threading.Thread(target=work, daemon=True).start()
        return super().forward(x)


def make():
    return Net()
