# @expected: failed: the worker process ended \(exit status 0\)
# @default: yes
"""Ends its process at once with status 0, after a line that looks like results."""

import os

from models.base import Repeat


class Quitter(Repeat):
    def forward(self, x):
        print('{"psnr": 99.0, "status": "ok"}', flush=True)
        os._exit(0)


def make():
    return Quitter()
