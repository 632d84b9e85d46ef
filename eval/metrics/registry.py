"""PSNR and SSIM of 8-bit images, as the NTIRE challenges compute them, float64 throughout.

Every figure has a named protocol (colour space, rounding, border, mean), because the same pixels give values
that differ by more than a decibel from one protocol to another. Functions are pure: inputs are never changed.
A caller that scores several images at once in threads sets `cv2.setNumThreads(1)` (a process-wide setting):
one thread per image is faster than several sharing one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.types import Image
from eval.metrics.ssim import WINDOW, mean_ssim

Plane = NDArray[np.float64]
Colour = Literal["rgb", "y", "y_float", "luma"]
BORDER = 4
# BT.601 for 8-bit RGB (MATLAB's rgb2ycbcr): Y = (65.481 R + 128.553 G + 24.966 B)/255 + 16.
_Y_WEIGHTS = np.array([65.481, 128.553, 24.966])
# BT.601 without head room, as OpenCV, Pillow and JPEG convert to grey: 0.299 R + 0.587 G + 0.114 B.
_LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class MetricProtocol:
    """How one figure is made: `psnr` or `ssim` in a colour space, `border` pixels cut on each side.

    colour: `rgb`; `y`, BT.601 with head room (16..235) rounded to uint8; `y_float`, the same unrounded;
    `luma`, full-range BT.601 unrounded.
    """

    name: str
    measure: Literal["psnr", "ssim"]
    colour: Colour
    border: int = BORDER

    def describe(self) -> str:
        """For tables: `PSNR, RGB uint8, border 4, mean over images`."""
        return f"{self.measure.upper()}, {COLOURS[self.colour]}, border {self.border}, mean over images"


COLOURS: dict[Colour, str] = {
    "rgb": "RGB uint8",
    "y": "Y of BT.601 rounded to uint8",
    "y_float": "Y of BT.601 not rounded",
    "luma": "full-range luma not rounded",
}


PROTOCOLS: dict[str, MetricProtocol] = {
    protocol.name: protocol
    for protocol in (
        MetricProtocol("psnr", "psnr", "rgb"),
        MetricProtocol("ssim", "ssim", "rgb"),
        MetricProtocol("psnr_y", "psnr", "y"),
        MetricProtocol("ssim_y", "ssim", "y"),
        MetricProtocol("psnr_y_float", "psnr", "y_float"),
        MetricProtocol("ssim_y_float", "ssim", "y_float"),
    )
}


def chosen(names: Sequence[str], border: int = BORDER) -> list[MetricProtocol]:
    """The protocols called `names` with a challenge's border. Raises InputError that lists known names."""
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown:
        raise InputError(f"unknown metric '{unknown[0]}' (there are: {', '.join(PROTOCOLS)})")
    return [replace(PROTOCOLS[name], border=border) for name in names]


def psnr(sr: Image | Plane, hr: Image | Plane, border: int = BORDER) -> float:
    """20*log10(255/sqrt(MSE)) in dB over all pixels and channels; infinity for equal images.

    sr, hr: uint8 (or float64 in 0..255), height x width (x channels), same shape. Raises InputError for
    anything else.
    """
    _check(sr, hr, border)
    sr, hr = _crop(sr, border), _crop(hr, border)
    # The sum of squares of 8-bit differences is an integer below 2**53: exact in any order (float64: 1e-12).
    squares = cv2.norm(np.ascontiguousarray(sr), np.ascontiguousarray(hr), cv2.NORM_L2SQR)
    return math.inf if squares == 0 else 20 * math.log10(255.0 / math.sqrt(squares / sr.size))


def ssim(sr: Image | Plane, hr: Image | Plane, border: int = BORDER) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian 11x11, sigma 1.5, valid region, mean over channels.

    sr, hr: uint8 (or float64 in 0..255), height x width (x channels), same shape, at least 11 x 11 pixels
    left after the border is cut. Raises InputError for anything else.
    """
    _check(sr, hr, border, least=WINDOW)
    return mean_ssim(_crop(sr, border), _crop(hr, border))


def psnr_y(sr: Image, hr: Image, border: int = BORDER) -> float:
    """`psnr` of the rounded Y channels of two RGB images (uint8 HxWx3)."""
    return psnr(rgb_to_y(sr), rgb_to_y(hr), border)


def ssim_y(sr: Image, hr: Image, border: int = BORDER) -> float:
    """`ssim` of the rounded Y channels of two RGB images (uint8 HxWx3)."""
    return ssim(rgb_to_y(sr), rgb_to_y(hr), border)


def rgb_to_y(image: Image) -> Image:
    """Luma of BT.601 as MATLAB's rgb2ycbcr: uint8 HxWx3 RGB to uint8 HxW, rounded half to even."""
    return rgb_to_y_float(image).round().astype(np.uint8)


def rgb_to_y_float(image: Image) -> Plane:
    """As `rgb_to_y` without the rounding: float64 HxW in 16..235."""
    _check_rgb(image)
    return np.asarray(np.dot(image, _Y_WEIGHTS) / 255.0 + 16.0, np.float64)


def rgb_to_luma(image: Image) -> Plane:
    """Full-range BT.601 luma: uint8 HxWx3 RGB to float64 HxW in 0..255."""
    _check_rgb(image)
    return np.asarray(np.dot(image, _LUMA_WEIGHTS), np.float64)


CONVERSIONS: dict[Colour, Callable[[Image], Any]] = {
    "rgb": lambda image: image,
    "y": rgb_to_y,
    "y_float": rgb_to_y_float,
    "luma": rgb_to_luma,
}


def score(sr: Image, hr: Image, protocols: Sequence[MetricProtocol]) -> dict[str, float]:
    """All of `protocols` for one pair (uint8 HxWx3), by their names; colours are converted once."""
    colours = {protocol.colour for protocol in protocols}
    versions = {colour: (CONVERSIONS[colour](sr), CONVERSIONS[colour](hr)) for colour in colours}
    measures = {"psnr": psnr, "ssim": ssim}
    return {p.name: measures[p.measure](*versions[p.colour], p.border) for p in protocols}


def _check_rgb(image: Image) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"expected a uint8 image of height x width x 3, found {image.dtype} {image.shape}")


def _check(sr: Image | Plane, hr: Image | Plane, border: int, least: int = 1) -> None:
    for name, image in (("SR", sr), ("HR", hr)):
        if image.dtype not in (np.uint8, np.float64) or image.ndim not in (2, 3):
            found = f"{image.dtype} {image.shape}"
            raise InputError(f"{name} image: expected uint8, height x width (x channels), found {found}")
    if sr.shape != hr.shape or sr.dtype != hr.dtype:
        found = f"SR image is {sr.dtype} {sr.shape}, HR image {hr.dtype} {hr.shape}"
        raise InputError(f"{found}; expected the same size and type")
    if border < 0:
        raise InputError(f"border is {border}; expected 0 or more pixels")
    if min(hr.shape[:2]) - 2 * border < least:
        size = f"{hr.shape[1]}x{hr.shape[0]}"
        raise InputError(f"image of {size}: expected {least}x{least} or more inside a border of {border}")


def _crop(image: NDArray[Any], border: int) -> NDArray[Any]:
    height, width = image.shape[:2]
    return image[border : height - border, border : width - border]
