"""Two SR images of the same input compared, and many such comparisons as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.types import Image


@dataclass(frozen=True)
class Difference:
    """How far SR images are apart.

    largest: in grey levels, 0 to 255. share: of pixels that differ in any channel, 0 to 1. psnr_db: between the
    images over all pixels, infinite if they are equal.
    """

    largest: int
    share: float
    psnr_db: float


EQUAL = Difference(0, 0.0, math.inf)


def difference(first: Image, second: Image) -> Difference:
    """How far two images are apart, both uint8, of one shape (height x width x 3), 0 to 255.

    >>> difference(np.zeros((1, 2, 3), np.uint8), np.array([[[0, 0, 0], [0, 4, 0]]], np.uint8))
    Difference(largest=4, share=0.5, psnr_db=43.87111628595629)
    """
    apart = np.abs(first.astype(np.int16) - second)
    largest = int(apart.max())
    if largest == 0:
        return EQUAL
    share = float((apart > 0).any(axis=2).mean())
    psnr_db = 10 * math.log10(255**2 / float(np.square(apart, dtype=np.float64).mean()))
    return Difference(largest, share, psnr_db)


def combined(found: Sequence[Difference]) -> Difference:
    """The largest difference, the mean share and the lowest PSNR of several comparisons."""
    if not found:
        return EQUAL
    share = math.fsum(one.share for one in found) / len(found)
    return Difference(max(one.largest for one in found), share, min(one.psnr_db for one in found))
