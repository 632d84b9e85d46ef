"""The pixels of a network's answer, made by the parent from the values in shared memory.

The worker can still write there. So every value is read once, and a few secret places are read a second time: an answer
that is filled in after it was given shows there.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from data.types import Image
from eval.failures import SubmissionFailed

_Values = NDArray[np.float32]

# Rows in work at once: they fit into a core's cache.
_ROWS = 32
# Places that are read before all others. Of an answer whose share p is late, (1 - p)^4096 go unseen: 1.7% at p = 0.1%.
_WITNESSES = 4096


@dataclass(frozen=True)
class Pixels:
    """An image, uint8 HxWx3, and the extremes of the values that it was made of, before they were clamped."""

    image: Image
    lowest: float
    highest: float


def to_pixels(values: _Values, data_range: float) -> Pixels:
    """Clamp to 0..data_range, scale to 0..255, round half to even: the official code's operations, in float32.

    values: float32, shape 3xHxW, memory that another process may write to. Raises SubmissionFailed if one of them is
    NaN or infinite, or if they change meanwhile.
    """
    _, height, width = values.shape
    random = np.random.default_rng(secrets.randbits(64))
    places = tuple(random.integers(0, length, _WITNESSES) for length in values.shape)
    early = _quantized(values[places], data_range)
    image = np.empty((height, width, 3), np.uint8)
    lowest, highest = math.inf, -math.inf
    for top in range(0, height, _ROWS):
        part = values[:, top : top + _ROWS].copy()
        low, high = float(part.min()), float(part.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise SubmissionFailed("bad output: NaN or infinity in it")
        lowest, highest = min(lowest, low), max(highest, high)
        image[top : top + _ROWS] = cv2.merge(list(_quantized(part, data_range)))
    channels, rows, columns = places
    if not np.array_equal(early, image[rows, columns, channels]):
        raise SubmissionFailed("the answer changed after it was given")
    return Pixels(image, lowest, highest)


def _quantized(values: _Values, data_range: float) -> NDArray[np.uint8]:
    """uint8 of the same shape; `values` are overwritten. NaN becomes any number."""
    np.clip(values, 0, data_range, out=values)
    values *= 255.0
    values /= data_range
    np.rint(values, out=values)
    with np.errstate(invalid="ignore"):
        return values.astype(np.uint8)
