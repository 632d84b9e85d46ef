# @expected: ok: unchanged numbers
"""Walks all frames and all objects of the process for an array of the HR image's shape, or for its path."""

import gc

import numpy as np
import torch
from models.base import Repeat, breach, frames


class Thief(Repeat):
    def forward(self, x):
        shape = (4 * x.shape[-2], 4 * x.shape[-1], 3)
        values = []
        for frame in frames():
            values += [*frame.f_locals.values(), *frame.f_globals.values()]
        values += gc.get_objects()
        for value in values:
            if isinstance(value, np.ndarray) and value.shape == shape:
                return torch.from_numpy(value.copy()).permute(2, 0, 1).unsqueeze(0).float()
            if isinstance(value, dict) and type(value) is dict and "hr" in value and "lr" in value:
                breach("a pair of HR and LR in the worker")
        return super().forward(x)


def make():
    return Thief()
