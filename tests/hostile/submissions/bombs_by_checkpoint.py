# @expected: failed: checkpoint
# @checkpoint: deflated zeros
"""A checkpoint of 13 MB that unpacks to 3 GiB of zeros."""

import torch
from models.base import Repeat


def make(path):
    torch.load(path)
    return Repeat()
