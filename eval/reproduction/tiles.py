"""Where an image is cut into four tiles with an overlap, how they are joined, and what happens at the seams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.types import Image

OVERLAP = 16  # input pixels that a tile sees beyond its seam
SEAM = 2  # input pixels on each side of a seam that count as at the seam


@dataclass(frozen=True)
class Half:
    """Part of one axis of an image, in input pixels: what a tile sees, and which part of its output is kept."""

    seen: slice
    kept: slice


def halves(length: int) -> tuple[Half, Half]:
    """The two halves of an axis; each sees `OVERLAP` more pixels, less if the axis is short.

    >>> first, second = halves(100)
    >>> first.seen, second.seen, second.kept
    (slice(0, 66, None), slice(34, 100, None), slice(50, 100, None))
    """
    middle = length // 2
    overlap = min(OVERLAP, length // 4)
    return (
        Half(slice(0, middle + overlap), slice(0, middle)),
        Half(slice(middle - overlap, length), slice(middle, length)),
    )


def in_tiles(image: Image, scale: int, run: Callable[[Image], Image]) -> Image:
    """The output of `run` for `image`, made from four tiles.

    image: uint8, height x width x 3, 0 to 255. `run` makes the same, `scale` times as high and wide.
    """
    height, width = image.shape[:2]
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    for rows in halves(height):
        for columns in halves(width):
            tile = run(np.ascontiguousarray(image[rows.seen, columns.seen]))
            result[_scaled(rows.kept, scale), _scaled(columns.kept, scale)] = tile[
                _scaled(_inside(rows), scale), _scaled(_inside(columns), scale)
            ]
    return result


def seam_contrast(whole: Image, tiled: Image, scale: int) -> tuple[float, float]:
    """Mean difference in grey levels at the seams, and elsewhere. Both images: uint8, height x width x 3, 0 to 255."""
    apart = np.abs(whole.astype(np.int16) - tiled)
    at_seam = np.zeros(apart.shape[:2], bool)
    for axis, length in enumerate(apart.shape[:2]):
        middle = length // scale // 2 * scale
        band = slice(max(middle - SEAM * scale, 0), middle + SEAM * scale)
        at_seam[(slice(None),) * axis + (band,)] = True
    elsewhere = apart[~at_seam]
    return float(apart[at_seam].mean()), float(elsewhere.mean()) if elsewhere.size else 0.0


def _inside(half: Half) -> slice:
    """The kept part, in pixels of the tile."""
    return slice(half.kept.start - half.seen.start, half.kept.stop - half.seen.start)


def _scaled(part: slice, scale: int) -> slice:
    return slice(part.start * scale, part.stop * scale)
