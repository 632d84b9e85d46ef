"""SSIM as other programs compute it: other windows, borders, covariances and constants.

Each variant takes planes or colour images of values 0 to 255. They are for explanations only. `eval.metrics.ssim` is
the SSIM of the project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.metrics.ssim import WINDOW
from eval.metrics.ssim_map import SIGMA

FloatImage = NDArray[np.float64]
_UNIFORM = 7
_LONG = 13  # taps of a Gaussian of sigma 1.5 that is cut at four sigma
_DOWNSAMPLED_TO = 256  # the smaller side, at least


@dataclass(frozen=True)
class SsimWindow:
    """One way to compute SSIM. cut: pixels of the map that are left out on each side. peak: the dynamic range.

    unbias: the factor of variances and covariances. downsample: whether large images are reduced first.
    """

    title: str
    mean: Callable[[FloatImage], FloatImage]
    cut: int
    unbias: float = 1.0
    peak: float = 255.0
    downsample: bool = False

    def value(self, sr: NDArray[Any], hr: NDArray[Any], border: int) -> float:
        """The mean over pixels inside the border and over channels.

        sr, hr: height x width (x channels), any dtype, 0 to 255, of equal shape, at least 13 pixels inside the border.
        """
        x, y = (_inside(image, border) for image in (sr, hr))
        if self.downsample:
            x, y = _downsampled(x), _downsampled(y)
        means_x, means_y = self.mean(x), self.mean(y)
        of_x = self.unbias * (self.mean(x * x) - means_x**2)
        of_y = self.unbias * (self.mean(y * y) - means_y**2)
        both = self.unbias * (self.mean(x * y) - means_x * means_y)
        c1, c2 = (0.01 * self.peak) ** 2, (0.03 * self.peak) ** 2
        similarity = ((2 * means_x * means_y + c1) * (2 * both + c2)) / (
            (means_x**2 + means_y**2 + c1) * (of_x + of_y + c2)
        )
        return float(_inside(similarity, self.cut).mean())


def _inside(image: NDArray[Any], border: int) -> FloatImage:
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[border : height - border, border : width - border], np.float64)


def _gaussian(taps: int, border: int) -> Callable[[FloatImage], FloatImage]:
    kernel = cv2.getGaussianKernel(taps, SIGMA)
    return lambda image: np.asarray(cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel, borderType=border))


def _uniform(image: FloatImage) -> FloatImage:
    return np.asarray(cv2.blur(image, (_UNIFORM, _UNIFORM), borderType=cv2.BORDER_REFLECT))


def _downsampled(image: FloatImage) -> FloatImage:
    """Means over f x f pixels, every f-th of them, so that the smaller side has about 256 pixels."""
    factor = max(1, round(min(image.shape[:2]) / _DOWNSAMPLED_TO))
    if factor == 1:
        return image
    anchor = ((factor - 1) // 2,) * 2
    blurred = cv2.blur(image, (factor, factor), anchor=anchor, borderType=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(blurred[::factor, ::factor])


def _sample(values: int) -> float:
    """The factor from a variance over all values to that of a sample."""
    return values / (values - 1)


_HALF = WINDOW // 2
_MIRRORED = _gaussian(WINDOW, cv2.BORDER_REFLECT)
SSIM_WINDOWS = (
    SsimWindow("uniform window 7x7, sample covariance", _uniform, _UNIFORM // 2, _sample(_UNIFORM**2)),
    SsimWindow("Gaussian of 11 taps, sample covariance", _MIRRORED, _HALF, _sample(WINDOW**2)),
    SsimWindow("Gaussian of 13 taps", _gaussian(_LONG, cv2.BORDER_REFLECT), _HALF),
    SsimWindow(
        "Gaussian of 13 taps, sample covariance",
        _gaussian(_LONG, cv2.BORDER_REFLECT),
        _HALF,
        _sample(WINDOW**2),
    ),
    SsimWindow("Gaussian of 11 taps, zeros beyond the border", _gaussian(WINDOW, cv2.BORDER_CONSTANT), 0),
    SsimWindow("Gaussian of 11 taps, images down-sampled first", _MIRRORED, _HALF, downsample=True),
    SsimWindow(
        "Gaussian of 11 taps, constants for a range of 1 on values up to 255", _MIRRORED, _HALF, peak=1.0
    ),
    SsimWindow(
        "Gaussian of 11 taps, constants for a range of 255 on values up to 1", _MIRRORED, _HALF, peak=255.0**2
    ),
)
