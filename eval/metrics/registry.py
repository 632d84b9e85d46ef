"""Every metric of the project in one table, and the values of one image pair.

A new metric is a file that describes it and one line in `METRICS`. Functions are pure: inputs never change.
A caller that scores several images in threads sets `cv2.setNumThreads(1)`, which applies to the whole process:
one thread per image is faster than several that share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from data.errors import InputError
from data.types import Image
from eval.metrics.color import CONVERSIONS
from eval.metrics.metric import BORDER, Metric
from eval.metrics.perceptual import PERCEPTUAL_METRICS
from eval.metrics.psnr import PSNR_METRICS
from eval.metrics.ssim import SSIM_METRICS

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *PSNR_METRICS,
        *SSIM_METRICS,
        *PERCEPTUAL_METRICS,
    )
}


def metric_named(name: str) -> Metric:
    """The metric called `name`. Raises InputError that lists the known names."""
    if name not in METRICS:
        raise InputError(f"unknown metric '{name}' (there are: {', '.join(METRICS)})")
    return METRICS[name]


def chosen(names: Iterable[str], border: int = BORDER) -> list[Metric]:
    """The metrics called `names`, those that cut a border with that of a challenge. Raises InputError as above."""
    found = [metric_named(name) for name in names]
    return [metric if metric.function is None else replace(metric, border=border) for metric in found]


def measure(sr: Image, hr: Image, metrics: Sequence[Metric]) -> dict[str, float]:
    """Values of those of `metrics` that have a function, for one pair, by name; colours are converted once.

    sr, hr: height x width x 3, uint8, RGB, 0 to 255, of equal shape.

    >>> import numpy as np
    >>> hr = np.full((16, 16, 3), 100, np.uint8)
    >>> measure(hr, hr, chosen(["psnr", "psnr_y"]))
    {'psnr': inf, 'psnr_y': inf}
    """
    colours = {metric.colour for metric in metrics if metric.function}
    versions = {colour: (CONVERSIONS[colour](sr), CONVERSIONS[colour](hr)) for colour in colours}
    return {
        metric.name: metric.function(*versions[metric.colour], metric.border)
        for metric in metrics
        if metric.function
    }
