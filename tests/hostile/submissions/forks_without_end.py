# @expected: ok: unchanged numbers
# @default: yes
"""Forks at import and during a request; at most 50 children, each of which ends after two seconds."""

import os
import time

from models.base import Repeat, breach


def fork_bomb():
    children = 0
    for _ in range(50):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            time.sleep(2)
            os._exit(0)
        children += 1
    if children:
        breach(f"{children} new processes")


class Bomb(Repeat):
    def forward(self, x):
        fork_bomb()
        return super().forward(x)


fork_bomb()


def make():
    return Bomb()
