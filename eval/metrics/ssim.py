"""Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004) of one pair of images, in float64.

The usual form: Gaussian window 11x11 with sigma 1.5, only where the window lies inside the image, dynamic range 255,
C1 = (0.01*255)^2, C2 = (0.03*255)^2. `ssim_map` computes it.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from eval.metrics.border import inside_border
from eval.metrics.color import Colour
from eval.metrics.metric import BORDER, Metric

WINDOW = 11


def ssim(sr: NDArray[Any], hr: NDArray[Any], border: int = BORDER) -> float:
    """The mean of the SSIM map over the pixels inside the border and over channels; 1 for equal images.

    sr, hr: height x width (x channels), both uint8 or both float64, 0 to 255, of equal shape, at least 11 x 11 pixels
    inside the border; not modified. Raises InputError for anything else.

    >>> import numpy as np
    >>> hr = np.arange(19 * 19 * 3, dtype=np.uint8).reshape(19, 19, 3)
    >>> round(ssim(hr, hr), 9)
    1.0
    """
    from eval.metrics import ssim_map  # late: tables need the definitions of metrics only

    return ssim_map.mean_of_map(*inside_border(sr, hr, border, WINDOW))


def _ssim_in(name: str, title: str, colour: Colour) -> Metric:
    return Metric(name, "ssim", title, ssim, colour, least=-1.0, most=1.0, on_request=True, smallest=WINDOW)


SSIM_METRICS = (
    _ssim_in("ssim", "SSIM", "rgb"),
    _ssim_in("ssim_y", "SSIM-Y (rounded)", "y"),
    _ssim_in("ssim_y_float", "SSIM-Y", "y_float"),
)
