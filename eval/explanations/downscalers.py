"""Which program made LR images from HR images, and by how many pixels they are shifted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from data.bicubic import imresize
from data.types import Image
from eval.explanations import filters

Shift = tuple[int, int]
_EDGE = 3  # LR pixels that are not compared if the image is shifted
_MOST_SHIFT = 4  # HR pixels
_SHIFT_SIDE = 256  # HR pixels of the part on which the shift is looked for
EXPLAINED = 0.999  # of all values are equal: a float32 port may round a tie the other way


@dataclass(frozen=True)
class MadeBy:
    """How well a way to make LR images from HR images explains given ones.

    equal: the share of equal values. largest: the largest difference. mean: the mean absolute difference.
    shift: HR pixels, down and to the right, by which the LR images lie off.
    """

    method: str
    equal: float
    largest: int
    mean: float
    shift: Shift = (0, 0)

    @property
    def shown_shift(self) -> str:
        """The shift in words."""
        down, right = self.shift
        return "none" if self.shift == (0, 0) else f"{down} HR pixels down, {right} to the right"


_Down = Callable[[Image, int], NDArray[Any]]


def _size(hr: Image, scale: int) -> tuple[int, int]:
    return hr.shape[1] // scale, hr.shape[0] // scale


def _cv2(method: int) -> _Down:
    return lambda hr, scale: np.asarray(cv2.resize(hr, _size(hr, scale), interpolation=method))


def _pillow(method: Pillow.Resampling) -> _Down:
    return lambda hr, scale: np.asarray(Pillow.fromarray(hr).resize(_size(hr, scale), method))


def _formula(kernel: filters.Kernel, radius: float, edge: filters.Edge, **how: bool) -> _Down:
    antialias = how.pop("antialias", False)
    return lambda hr, scale: filters.reduced(hr, scale, kernel, radius, antialias=antialias, edge=edge, **how)


def _mean_of_block(hr: Image, scale: int) -> NDArray[np.float64]:
    width, height = _size(hr, scale)
    return np.asarray(hr.reshape(height, scale, width, scale, 3).mean(axis=(1, 3), dtype=np.float64))


_MATLAB, _OPENCV = filters.cubic(-0.5), filters.cubic(-0.75)
# What gives uint8 by itself
_WHOLE: dict[str, _Down] = {
    "MATLAB's imresize on uint8, rounded after each pass": lambda hr, scale: imresize(hr, 1 / scale),
    "MATLAB's imresize on uint8, older releases (border repeated)": lambda hr, scale: imresize(
        hr, 1 / scale, "replicate"
    ),
    "OpenCV INTER_CUBIC": _cv2(cv2.INTER_CUBIC),
    "OpenCV INTER_LINEAR": _cv2(cv2.INTER_LINEAR),
    "OpenCV INTER_AREA": _cv2(cv2.INTER_AREA),
    "OpenCV INTER_LANCZOS4": _cv2(cv2.INTER_LANCZOS4),
    "OpenCV INTER_NEAREST": _cv2(cv2.INTER_NEAREST),
    "Pillow BICUBIC": _pillow(Pillow.Resampling.BICUBIC),
    "Pillow LANCZOS": _pillow(Pillow.Resampling.LANCZOS),
    "Pillow BILINEAR": _pillow(Pillow.Resampling.BILINEAR),
    "Pillow HAMMING": _pillow(Pillow.Resampling.HAMMING),
    "Pillow BOX": _pillow(Pillow.Resampling.BOX),
    "Pillow NEAREST": _pillow(Pillow.Resampling.NEAREST),
}
# What gives floating-point values, which are rounded or cut afterwards
_FLOATING: dict[str, _Down] = {
    "MATLAB's imresize in floating point, as Python ports": lambda hr, scale: imresize(
        hr.astype(np.float64), 1 / scale
    ),
    "MATLAB's imresize without antialiasing": _formula(_MATLAB, 2, "mirror"),
    "torch bicubic": _formula(_OPENCV, 2, "clamp"),
    "torch bicubic, align_corners": _formula(_OPENCV, 2, "clamp", corners=True),
    "torch bicubic, antialias": _formula(_MATLAB, 2, "none", antialias=True),
    "torch bilinear": _formula(filters.triangle, 1, "clamp"),
    "torch bilinear, align_corners": _formula(filters.triangle, 1, "clamp", corners=True),
    "torch bilinear, antialias": _formula(filters.triangle, 1, "none", antialias=True),
    "torch area": _mean_of_block,
}


_CUT_OFF = ", fractions cut off"
METHODS = (*_WHOLE, *_FLOATING, *(f"{name}{_CUT_OFF}" for name in _FLOATING))


def _versions(hr: Image, scale: int) -> dict[str, Image]:
    """The LR image that each method makes of `hr`."""
    found: dict[str, Image] = {name: down(hr, scale) for name, down in _WHOLE.items()}
    for name, down in _FLOATING.items():
        values = down(hr, scale)
        found[name] = _as_uint8(np.round(values))  # half to even
        found[name + _CUT_OFF] = _as_uint8(np.floor(values + 1e-9))
    return found


def _as_uint8(values: NDArray[Any]) -> Image:
    return np.clip(values, 0, 255).astype(np.uint8)


def made_by(pairs: Sequence[tuple[Image, Image]], scale: int) -> list[MadeBy]:
    """Every method with how well it explains the LR images, the best first.

    pairs: (LR, HR), uint8 HxWx3, RGB; HR is `scale` times as large as LR.
    """
    found = _compared(pairs, scale, (0, 0))
    if max(one.equal for one in found) < EXPLAINED and (shift := _shift(pairs, scale)) != (0, 0):
        found += _compared(pairs, scale, shift)
    return sorted(found, key=lambda one: (-one.equal, one.mean))


def _shift(pairs: Sequence[tuple[Image, Image]], scale: int) -> Shift:
    """The shift, in HR pixels, at which a plain bicubic reduction comes nearest to the first LR image."""
    lr, hr = pairs[0]
    lr = lr[: _SHIFT_SIDE // scale, : _SHIFT_SIDE // scale]
    hr = hr[: lr.shape[0] * scale, : lr.shape[1] * scale]
    bicubic = _FLOATING["torch bicubic, antialias"]

    def distance(shift: Shift) -> float:
        inside = (slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE))
        made = bicubic(np.roll(hr, shift, (0, 1)), scale)
        return float(np.abs(made[inside] - lr[inside]).mean())

    if min(lr.shape[:2]) <= 2 * _EDGE:
        return (0, 0)
    steps = range(-_MOST_SHIFT, _MOST_SHIFT + 1)
    down = right = 0
    for _ in range(2):  # one axis after the other, and again
        down = min(steps, key=lambda step: (distance((step, right)), abs(step)))
        right = min(steps, key=lambda step: (distance((down, step)), abs(step)))
    return down, right


def _compared(pairs: Sequence[tuple[Image, Image]], scale: int, shift: Shift) -> list[MadeBy]:
    """Every method on HR images that are moved by `shift`; edges are left out if they are."""
    edge = _EDGE if shift != (0, 0) else 0
    differences: dict[str, list[NDArray[np.int16]]] = {name: [] for name in METHODS}
    for lr, hr in pairs:
        inside = (slice(edge, lr.shape[0] - edge), slice(edge, lr.shape[1] - edge))
        for name, made in _versions(np.roll(hr, shift, (0, 1)), scale).items():
            differences[name].append(np.abs(made[inside].astype(np.int16) - lr[inside]).ravel())
    every = {name: np.concatenate(parts) for name, parts in differences.items()}
    return [
        MadeBy(name, float(np.mean(some == 0)), int(some.max(initial=0)), float(some.mean()), shift)
        for name, some in every.items()
    ]
