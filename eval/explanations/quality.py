"""Which protocol gives a PSNR or SSIM: colours, borders, means and windows in use, tried on the same pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from data.types import Image
from eval.explanations.ssim_windows import SSIM_WINDOWS
from eval.metrics.color import COLOURS, CONVERSIONS, Colour
from eval.metrics.psnr import psnr
from eval.metrics.ssim import ssim

BORDERS = (0, 1, 2, 3, 4, 6, 8)
COMMON = (0, 4)
MEANS = {
    "images": "mean over images",
    "pooled": "PSNR of the mean squared error over all images",
}
_LARGEST_WINDOW = 13
_Function = Callable[[Any, Any, int], float]


@dataclass(frozen=True)
class Candidate:
    """One way to get a number from two folders of images. value: PSNR in dB, or SSIM. window: empty for the usual."""

    measure: str
    colour: Colour
    border: int
    mean: str
    value: float
    window: str = ""

    def describe(self) -> str:
        """The protocol in words."""
        window = f", {self.window}" if self.window else ""
        return f"{self.measure.upper()}, {COLOURS[self.colour]}, border {self.border}, {MEANS[self.mean]}{window}"


def candidates(images: Sequence[tuple[Image, Image]], measure: str) -> list[Candidate]:
    """The value of every protocol, without borders that are too large for an image.

    images: pairs (SR, HR), each uint8 HxWx3, RGB. measure: `psnr` or `ssim`.
    """
    found = []
    for colour, convert in CONVERSIONS.items():
        converted = [(convert(sr), convert(hr)) for sr, hr in images]
        for border in _borders(images, 11, BORDERS):
            if measure == "ssim":
                value = _mean(converted, ssim, border)
            else:
                values = [psnr(sr, hr, border) for sr, hr in converted]
                pooled = _pooled(values, [_count(hr.shape, border) for _, hr in converted])
                found.append(Candidate(measure, colour, border, "pooled", pooled))
                value = math.fsum(values) / len(values)
            found.append(Candidate(measure, colour, border, "images", value))
    return found


def window_candidates(images: Sequence[tuple[Image, Image]]) -> list[Candidate]:
    """SSIM by windows, covariances and constants of other programs, with borders in common use.

    images: pairs (SR, HR), each uint8 HxWx3, RGB.
    """
    found = []
    for colour, convert in CONVERSIONS.items():
        converted = [(convert(sr), convert(hr)) for sr, hr in images]
        for border in _borders(images, _LARGEST_WINDOW, COMMON):
            for window in SSIM_WINDOWS:
                value = _mean(converted, window.value, border)
                found.append(Candidate("ssim", colour, border, "images", value, window.title))
    return found


def explain(found: Sequence[Candidate], target: str) -> list[Candidate]:
    """The candidates that round to `target` at its precision (half up or half to even).

    Protocols in common use (mean over images, border 0 or 4) come first; among these, the nearest comes first.
    """
    inside = [one for one in found if rounds_to(one.value, target)]
    return sorted(
        inside,
        key=lambda one: (one.border not in COMMON, one.mean != "images", abs(one.value - float(target))),
    )


def rounds_to(value: float, target: str) -> bool:
    """Whether a value rounds to a printed number, half up or half to even.

    >>> rounds_to(28.4151, "28.42"), rounds_to(28.4149, "28.42")
    (True, False)
    """
    wanted = Decimal(target)
    step = 10.0 ** int(wanted.as_tuple().exponent)
    return abs(value - float(wanted)) <= step / 2 + 1e-9


def explained(images: Sequence[tuple[Image, Image]], measure: str, target: str) -> list[Candidate]:
    """Protocols that give `target`; those by other windows only if no usual one does.

    images: pairs (SR, HR), each uint8 HxWx3, RGB. measure: `psnr` or `ssim`. target: a number as printed.
    """
    found = explain(candidates(images, measure), target)
    return found or (explain(window_candidates(images), target) if measure == "ssim" else [])


def nearest(images: Sequence[tuple[Image, Image]], measure: str, target: str) -> list[tuple[str, float]]:
    """Every usual protocol in words with its value, the nearest to `target` first.

    images: pairs (SR, HR), each uint8 HxWx3, RGB. measure: `psnr` or `ssim`.
    """
    found = sorted(candidates(images, measure), key=lambda one: abs(one.value - float(target)))
    return [(one.describe(), one.value) for one in found]


def _borders(images: Sequence[tuple[Image, Image]], window: int, borders: tuple[int, ...]) -> tuple[int, ...]:
    smallest = min(min(hr.shape[:2]) for _, hr in images)
    return tuple(border for border in borders if smallest - 2 * border >= window)


def _mean(images: Sequence[tuple[Any, Any]], function: _Function, border: int) -> float:
    return math.fsum(function(sr, hr, border) for sr, hr in images) / len(images)


def _pooled(decibels: list[float], counts: list[int]) -> float:
    """PSNR of all images' squared errors together, from each image's PSNR and number of values."""
    error = math.fsum(n * 10 ** (-value / 10) for value, n in zip(decibels, counts, strict=True))
    return math.inf if error == 0 else -10 * math.log10(error / sum(counts))


def _count(shape: tuple[int, ...], border: int) -> int:
    return (shape[0] - 2 * border) * (shape[1] - 2 * border) * math.prod(shape[2:])
