"""Colour spaces in which metrics compare images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.types import Image

Plane = NDArray[np.float64]
Colour = Literal["rgb", "y", "y_float", "luma"]
# BT.601 for 8-bit RGB (MATLAB's rgb2ycbcr): Y = (65.481 R + 128.553 G + 24.966 B)/255 + 16.
_Y_WEIGHTS = np.array([65.481, 128.553, 24.966])
# BT.601 without head room, as OpenCV, Pillow and JPEG convert to grey: 0.299 R + 0.587 G + 0.114 B.
_LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])

COLOURS: dict[Colour, str] = {
    "rgb": "RGB uint8",
    "y": "Y of BT.601 rounded to uint8",
    "y_float": "Y of BT.601 not rounded",
    "luma": "full-range luma not rounded",
}


def rgb_to_y(image: Image) -> NDArray[np.uint8]:
    """Luma of BT.601 as MATLAB's rgb2ycbcr, rounded half to even.

    image: height x width x 3, uint8, RGB. Result: height x width, uint8, 16 to 235.

    >>> rgb_to_y(np.array([[[255, 0, 0], [255, 255, 255]]], np.uint8)).tolist()
    [[81, 235]]
    """
    return rgb_to_y_float(image).round().astype(np.uint8)


def rgb_to_y_float(image: Image) -> Plane:
    """Luma of BT.601 as MATLAB's rgb2ycbcr, not rounded.

    image: height x width x 3, uint8, RGB. Result: height x width, float64, 16 to 235.

    >>> rgb_to_y_float(np.array([[[255, 0, 0]]], np.uint8)).round(3).tolist()
    [[81.481]]
    """
    _check_rgb(image)
    return np.asarray(np.dot(image, _Y_WEIGHTS) / 255.0 + 16.0, np.float64)


def rgb_to_luma(image: Image) -> Plane:
    """Luma of BT.601 over the full range, not rounded.

    image: height x width x 3, uint8, RGB. Result: height x width, float64, 0 to 255.

    >>> rgb_to_luma(np.array([[[255, 0, 0]]], np.uint8)).round(3).tolist()
    [[76.245]]
    """
    _check_rgb(image)
    return np.asarray(np.dot(image, _LUMA_WEIGHTS), np.float64)


CONVERSIONS: dict[Colour, Callable[[Image], Any]] = {
    "rgb": lambda image: image,
    "y": rgb_to_y,
    "y_float": rgb_to_y_float,
    "luma": rgb_to_luma,
}


def _check_rgb(image: Image) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"expected a uint8 image of height x width x 3, found {image.dtype} {image.shape}")
