# @expected: failed: checkpoint
# @checkpoint: deflated zeros
"""A checkpoint of 10 MB that unpacks to 10 GB of zeros."""

import torch
from models.base import Repeat


def make(path):
    torch.load(path)
    return Repeat()
