"""The mean of the SSIM map, fast and in float64.

Three things make it fast without loss of accuracy (1e-13): the window is separable; the sum of the two variances needs
one filter, not two; the map is computed tile by tile, in memory that is reused and stays in a core's cache.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.metrics.color import Plane
from eval.metrics.ssim import WINDOW

SIGMA = 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
TILE_ROWS, TILE_COLUMNS = 64, 512

_HALF = WINDOW // 2
_KERNEL = cv2.getGaussianKernel(WINDOW, SIGMA)


def mean_of_map(sr: NDArray[Any], hr: NDArray[Any]) -> float:
    """The mean over pixels and channels.

    sr, hr: height x width (x channels), both uint8 or both float64, 0 to 255, of equal shape, at least 11 x 11 pixels.
    """
    # cv2 drops a last dimension of 1, so images of one channel lose theirs first.
    sr, hr = (image[..., 0] if image.shape[2:] == (1,) else image for image in (sr, hr))
    height, width = sr.shape[0] - WINDOW + 1, sr.shape[1] - WINDOW + 1
    rows, columns = min(height, TILE_ROWS) + WINDOW - 1, min(width, TILE_COLUMNS) + WINDOW - 1
    tile_sum = _TileSum((rows, columns, *sr.shape[2:]), sr.dtype)
    sums = []
    for top in range(0, height, TILE_ROWS):
        for left in range(0, width, TILE_COLUMNS):
            tile = (slice(top, top + rows), slice(left, left + columns))
            sums.append(tile_sum(sr[tile], hr[tile]))
    return float(math.fsum(sums) / (height * width * math.prod(sr.shape[2:])))


class _TileSum:
    """Sums the SSIM map over a tile. It holds the memory for that: fresh memory costs more than the arithmetic."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._filtered = np.empty((4, *shape), np.float64)
        self._map = np.empty(shape, np.float64)
        # Sums and products of squares of 8-bit values are whole numbers below 2**18: exact in float32.
        exact = np.float32 if dtype == np.uint8 else np.float64
        self._products = np.empty((2, *shape), exact)
        self._depth = cv2.CV_32F if dtype == np.uint8 else cv2.CV_64F

    def __call__(self, x: NDArray[Any], y: NDArray[Any]) -> float:
        """x, y: tiles no larger than the shape given at the start.

        With the filter F, A = F(x) F(y) + C1/2 and B = F(x)^2 + F(y)^2 + C1 the map is 4 A (F(xy) + (C1+C2)/2
        - A) / (B (F(x^2+y^2) + C1+C2 - B)); the constants are added while filtering.
        """
        height, width = x.shape[:2]
        valid = (slice(_HALF, height - _HALF), slice(_HALF, width - _HALF))
        means_x, means_y, of_product, of_squares = self._filtered[:, :height, :width]
        product, other = self._products[:, :height, :width]

        _filter(x, means_x)
        _filter(y, means_y)
        cv2.multiply(x, y, product, 1.0, self._depth)
        _filter(product, of_product, (C1 + C2) / 2)
        cv2.multiply(x, x, product, 1.0, self._depth)
        cv2.multiply(y, y, other, 1.0, self._depth)
        cv2.add(product, other, product)
        _filter(product, of_squares, C1 + C2)
        similarity = self._map[: height - 2 * _HALF, : width - 2 * _HALF]
        return _sum_of_map(means_x[valid], means_y[valid], of_product[valid], of_squares[valid], similarity)


def _sum_of_map(means_x: Plane, means_y: Plane, of_product: Plane, of_squares: Plane, a: Plane) -> float:
    """The formula in place, without new memory; all five arguments are overwritten."""
    np.multiply(means_x, means_y, out=a)
    a += C1 / 2
    of_product -= a
    a *= of_product
    means_x *= means_x
    means_y *= means_y
    means_x += means_y
    means_x += C1
    of_squares -= means_x
    means_x *= of_squares
    a /= means_x
    return 4 * float(a.sum())


def _filter(source: NDArray[Any], target: Plane, delta: float = 0.0) -> None:
    """The Gaussian window over a tile plus `delta`, summed in float64, into `target`."""
    result = cv2.sepFilter2D(source, cv2.CV_64F, _KERNEL, _KERNEL, dst=target, delta=delta)
    if result is not target:  # cv2 could not write in place (never for buffers cut from one block as above)
        target[...] = result
