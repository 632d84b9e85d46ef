# @expected: ok: unchanged numbers
# @places: models.py models/base.abi3.so
# @default: yes
"""Puts a file named as the shared folder beside it, and a library that cannot be loaded beside a shared source."""

if not __name__.startswith("models.stands"):
    import torch

    torch.nn.functional.pixel_shuffle = lambda x, factor: torch.zeros(
        1, 3, factor * x.shape[2], factor * x.shape[3]
    )


def make():
    from models.base import Repeat

    return Repeat()
