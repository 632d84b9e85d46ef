# @expected: ok: unchanged numbers
# @places: markupsafe.py markupsafe.abi3.so
# @default: yes
"""Puts an installed package into the root, as source and as a library that cannot be loaded."""

if not __name__.startswith("models.stands"):
    import torch

    torch.nn.functional.pixel_shuffle = lambda x, factor: torch.zeros(
        1, 3, factor * x.shape[2], factor * x.shape[3]
    )


def make():
    from models.base import Repeat

    return Repeat()
