# @expected: ok with flag: parameters elsewhere
# @checkpoint: 200000 numbers
"""Patches the harness's counting in its own process: no parameters, no operations. The checkpoint knows better."""

import gc

import torch
from models.base import Repeat


class Heavy(Repeat):
    def __init__(self, path):
        super().__init__()
        self.more = torch.nn.Parameter(torch.load(path)["weight"])

    def forward(self, x):
        return super().forward(x + 0 * self.more.sum())


def make(path):
    for value in gc.get_objects():
        if isinstance(value, dict) and value.get("__name__") == "eval.protocol.complexity_report":
            honest = value["dump"]

            def dump(counted, honest=honest):
                import dataclasses

                return honest(dataclasses.replace(counted, parameters=9, weights_elsewhere=0, buffers=0))

            value["dump"] = dump
    return Heavy(path)
