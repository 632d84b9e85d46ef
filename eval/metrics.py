"""PSNR and SSIM of 8-bit images, as the NTIRE challenges compute them, float64 throughout.

Every figure has a named protocol (colour space, rounding, border, mean), because the same pixels give values that
differ by more than a decibel from one protocol to another. Functions are pure: inputs are never changed.
A caller that scores several images at once in threads sets `cv2.setNumThreads(1)` (a process-wide setting):
one thread per image is faster than several sharing one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from data.errors import InputError

Image = NDArray[np.uint8]
BORDER = 4
WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Rows of the BT.601 conversion for 8-bit RGB (MATLAB's rgb2ycbcr): Y = (65.481 R + 128.553 G + 24.966 B)/255 + 16.
_Y_WEIGHTS = np.array([65.481, 128.553, 24.966])


@dataclass(frozen=True)
class MetricProtocol:
    """How one figure is made: `psnr` or `ssim` on RGB or on rounded Y, `border` pixels cut on each side."""

    name: str
    measure: Literal["psnr", "ssim"]
    colour: Literal["rgb", "y"]
    border: int = BORDER

    def describe(self) -> str:
        """For tables: `PSNR, RGB uint8, border 4, mean over images`."""
        colour = "RGB uint8" if self.colour == "rgb" else "Y of BT.601 rounded to uint8"
        return f"{self.measure.upper()}, {colour}, border {self.border}, mean over images"


PROTOCOLS: dict[str, MetricProtocol] = {
    protocol.name: protocol
    for protocol in (
        MetricProtocol("psnr", "psnr", "rgb"),
        MetricProtocol("ssim", "ssim", "rgb"),
        MetricProtocol("psnr_y", "psnr", "y"),
        MetricProtocol("ssim_y", "ssim", "y"),
    )
}


def psnr(sr: Image, hr: Image, border: int = BORDER) -> float:
    """20*log10(255/sqrt(MSE)) in dB over all pixels and channels; infinity for equal images.

    sr, hr: uint8, height x width (x channels), same shape. Raises InputError for anything else.
    """
    _check(sr, hr, border)
    sr, hr = _crop(sr, border), _crop(hr, border)
    # The sum of squares of 8-bit differences is an integer below 2**53: exact in any order.
    squares = cv2.norm(np.ascontiguousarray(sr), np.ascontiguousarray(hr), cv2.NORM_L2SQR)
    return math.inf if squares == 0 else 20 * math.log10(255.0 / math.sqrt(squares / sr.size))


def ssim(sr: Image, hr: Image, border: int = BORDER) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian 11x11, sigma 1.5, valid region, mean over channels.

    sr, hr: uint8, height x width (x channels), same shape, at least 11 pixels left after the border is cut.
    Raises InputError for anything else.
    """
    _check(sr, hr, border, least=WINDOW)
    sr, hr = _crop(sr, border), _crop(hr, border)
    if sr.ndim == 2:
        return _ssim_channel(sr, hr)
    means = [_ssim_channel(sr[..., c], hr[..., c]) for c in range(sr.shape[2])]
    return math.fsum(means) / len(means)


def rgb_to_y(image: Image) -> Image:
    """Luma of BT.601 as MATLAB's rgb2ycbcr: uint8 HxWx3 RGB to uint8 HxW, rounded half to even."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"expected a uint8 image of height x width x 3, found {image.dtype} {image.shape}")
    return (np.dot(image, _Y_WEIGHTS) / 255.0 + 16.0).round().astype(np.uint8)


def score(sr: Image, hr: Image, protocols: Sequence[MetricProtocol]) -> dict[str, float]:
    """All of `protocols` for one pair (uint8 HxWx3), by their names; colours are converted once."""
    versions = {"rgb": (sr, hr)}
    if any(protocol.colour == "y" for protocol in protocols):
        versions["y"] = (rgb_to_y(sr), rgb_to_y(hr))
    measures = {"psnr": psnr, "ssim": ssim}
    return {p.name: measures[p.measure](*versions[p.colour], p.border) for p in protocols}


def _check(sr: Image, hr: Image, border: int, least: int = 1) -> None:
    for name, image in (("SR", sr), ("HR", hr)):
        if image.dtype != np.uint8 or image.ndim not in (2, 3):
            raise InputError(f"{name} image: expected uint8, height x width (x channels), found {image.dtype} {image.shape}")
    if sr.shape != hr.shape:
        raise InputError(f"SR image is {sr.shape}, HR image {hr.shape}; expected the same size")
    if min(hr.shape[:2]) - 2 * border < least:
        raise InputError(f"image of {hr.shape[:2]}: with a border of {border} fewer than {least} pixels are left")


def _crop(image: Image, border: int) -> Image:
    height, width = image.shape[:2]
    return image[border : height - border, border : width - border]


def _ssim_channel(sr: Image, hr: Image) -> float:
    """Four separable filters instead of five full ones: only the sum of the two variances is needed.

    With s = a + b and d = a - b: 2*mu_a*mu_b = (mu_s^2 - mu_d^2)/2, mu_a^2 + mu_b^2 = (mu_s^2 + mu_d^2)/2, and
    likewise for covariance and variances.
    """
    a, b = sr.astype(np.float64), hr.astype(np.float64)
    s, d = a + b, a - b
    mu_s2, mu_d2 = np.square(_filter(s)), np.square(_filter(d))
    var_s, var_d = _filter(np.square(s, out=s)) - mu_s2, _filter(np.square(d, out=d)) - mu_d2
    numerator = ((mu_s2 - mu_d2) / 2 + C1) * ((var_s - var_d) / 2 + C2)
    denominator = ((mu_s2 + mu_d2) / 2 + C1) * ((var_s + var_d) / 2 + C2)
    return float((numerator / denominator).mean())


def _filter(image: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel = cv2.getGaussianKernel(WINDOW, SIGMA)
    half = WINDOW // 2
    return cv2.sepFilter2D(image, -1, kernel, kernel)[half:-half, half:-half]
