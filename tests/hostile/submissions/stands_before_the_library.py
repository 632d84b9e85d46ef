# @expected: ok: unchanged numbers
# @places: colorsys.py
# @default: yes
"""Puts a module of the standard library into the root, so that everybody who imports it answers in black."""

if not __name__.startswith("models.stands"):
    import torch

    torch.nn.functional.pixel_shuffle = lambda x, factor: torch.zeros(
        1, 3, factor * x.shape[2], factor * x.shape[3]
    )


def make():
    from models.base import Repeat

    return Repeat()
