"""Peak signal-to-noise ratio of 8-bit images, as the NTIRE challenges compute it, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.border import inside_border
from eval.metrics.color import Colour
from eval.metrics.metric import BORDER, Metric


def psnr(sr: NDArray[Any], hr: NDArray[Any], border: int = BORDER) -> float:
    """20*log10(255/sqrt(MSE)) in dB over all pixels and channels inside the border; infinity for equal images.

    sr, hr: height x width (x channels), both uint8 or both float64, 0 to 255, of equal shape; not modified. Raises
    InputError for anything else.

    >>> hr = np.full((16, 16, 3), 100, np.uint8)
    >>> round(psnr(hr + np.uint8(1), hr), 2)
    48.13
    """
    import cv2  # late: tables need the definitions of metrics only

    sr, hr = inside_border(sr, hr, border)
    # The sum of squares of 8-bit differences is an integer below 2**53: exact in any order (float64: 1e-12).
    squares = cv2.norm(np.ascontiguousarray(sr), np.ascontiguousarray(hr), cv2.NORM_L2SQR)
    return math.inf if squares == 0 else 20 * math.log10(255.0 / math.sqrt(squares / sr.size))


def _psnr_in(name: str, title: str, colour: Colour) -> Metric:
    return Metric(name, "psnr", title, psnr, colour, unit="dB", decimals=2, least=0.0, infinite_if_equal=True)


PSNR_METRICS = (
    _psnr_in("psnr", "PSNR", "rgb"),
    _psnr_in("psnr_y", "PSNR-Y (rounded)", "y"),
    _psnr_in("psnr_y_float", "PSNR-Y", "y_float"),
)
