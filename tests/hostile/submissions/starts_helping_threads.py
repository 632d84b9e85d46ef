# @expected: ok with flag: threads added
# @expected: ok: unchanged numbers
# @protocol: robust
"""Shares its work among threads of its own, each of which runs on one processor."""

from concurrent.futures import ThreadPoolExecutor

import torch
from models.base import Repeat

THREADS = ThreadPoolExecutor(4)


def work(_number):
    weight = torch.ones(512, 512)
    for _ in range(30):
        weight = (weight @ weight).clamp(max=1)


class Net(Repeat):
    def forward(self, x):
        list(THREADS.map(work, range(4)))
        return super().forward(x)


def make():
    return Net()
