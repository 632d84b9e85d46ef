"""The part of an SR and an HR image that a metric compares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError


def inside_border(
    sr: NDArray[Any], hr: NDArray[Any], border: int, smallest: int = 1
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Views of both images without `border` pixels on each side.

    sr, hr: height x width (x channels), both uint8 or both float64, 0 to 255, of equal shape. Raises InputError for
    anything else, and if fewer than smallest x smallest pixels are left.

    >>> one = np.zeros((20, 30, 3), np.uint8)
    >>> inside_border(one, one, 4)[0].shape
    (12, 22, 3)
    """
    for name, image in (("SR", sr), ("HR", hr)):
        if image.dtype not in (np.uint8, np.float64) or image.ndim not in (2, 3):
            found = f"{image.dtype} {image.shape}"
            raise InputError(f"{name} image: expected uint8, height x width (x channels), found {found}")
    if sr.shape != hr.shape or sr.dtype != hr.dtype:
        found = f"SR image is {sr.dtype} {sr.shape}, HR image {hr.dtype} {hr.shape}"
        raise InputError(f"{found}; expected the same size and type")
    if border < 0:
        raise InputError(f"border is {border}; expected 0 or more pixels")
    height, width = hr.shape[:2]
    if min(height, width) - 2 * border < smallest:
        raise InputError(
            f"image of {width}x{height}: expected {smallest}x{smallest} or more inside a border of {border}"
        )
    inner = (slice(border, height - border), slice(border, width - border))
    return sr[inner], hr[inner]
