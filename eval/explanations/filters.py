"""Down-scaling by formulas: the kernels, positions and borders that programs differ in.

An image is reduced by one matrix of weights for its rows and one for its columns, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kernel = Callable[[Floats], Floats]
# How an image goes on beyond its edge: it is mirrored, repeated, or nothing is there and weights are normalised anew.
Edge = Literal["mirror", "clamp", "none"]


def cubic(a: float) -> Kernel:
    """Keys' kernel; a is -0.5 in MATLAB and Pillow, -0.75 in OpenCV and torch.

    The kernel takes distances, float64 of any shape and any value, and gives weights of that shape, at most 1.
    """

    def kernel(x: Floats) -> Floats:
        d = np.abs(x)
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = a * (((d - 5) * d + 8) * d - 4)
        return np.where(d <= 1, near, np.where(d < 2, far, 0.0))

    return kernel


def triangle(x: Floats) -> Floats:
    """Bilinear weights for distances, float64 of any shape and any value; the result is 0 to 1."""
    return np.maximum(0.0, 1.0 - np.abs(x))


def reduced(
    image: NDArray[np.uint8],
    scale: int,
    kernel: Kernel,
    radius: float,
    *,
    antialias: bool,
    edge: Edge,
    corners: bool = False,
) -> Floats:
    """An image reduced by `scale`: float64, height/scale x width/scale x 3, not rounded, about 0 to 255.

    image: height x width x 3, uint8, RGB, 0 to 255; both sides are multiples of the scale. radius: of the kernel.
    antialias: whether the kernel is stretched by the scale. corners: whether the corner pixels' centres stay.
    """
    rows, columns = (
        _weights(side, side // scale, kernel, radius, antialias, edge, corners) for side in image.shape[:2]
    )
    by_rows = np.tensordot(rows, image.astype(np.float64), axes=(1, 0))
    return np.ascontiguousarray(np.tensordot(columns, by_rows, axes=(1, 1)).swapaxes(0, 1))


def _weights(
    length: int, wanted: int, kernel: Kernel, radius: float, antialias: bool, edge: Edge, corners: bool
) -> Floats:
    """Weights, wanted x length: how much each pixel contributes to each reduced one."""
    index = np.arange(wanted)
    middle = (index + 0.5) * length / wanted - 0.5
    centre = index * (length - 1) / max(1, wanted - 1) if corners else middle
    stretch = length / wanted if antialias else 1.0
    reach = int(np.ceil(radius * stretch)) + 1
    taps = np.floor(centre).astype(int)[:, None] + np.arange(-reach, reach + 1)
    weights = kernel((taps - centre[:, None]) / stretch)
    if edge == "none":
        weights = np.where((taps >= 0) & (taps < length), weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    if edge == "mirror":
        folded = np.mod(taps, 2 * length)
        taps = np.where(folded < length, folded, 2 * length - 1 - folded)
    matrix = np.zeros((wanted, length))
    np.add.at(matrix, (index[:, None], np.clip(taps, 0, length - 1)), weights)
    return matrix
