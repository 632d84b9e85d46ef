"""Answers of a submission's workers compared: those scored, and those timed.

Only the scored images have a PSNR in the record, but the times come from another process and from other inputs. So
the answers to equal inputs must be equal, and those to changed inputs (mirrored, turned, shifted) as near to HR as the
scored ones are: otherwise the times, or the counts, are of another network.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.types import Image, Split
from eval.integrity.losses import BY_HEART_DB, Losses
from eval.records.flags import FlagName
from eval.records.schema import Flag
from eval.runtime import inputs
from eval.runtime.inputs import TimedInput, Variant

Samples = NDArray[np.uint8]
Key = tuple[Split, int]  # an image: its mode, its number there

MOST_PLACES = 1 << 15
# Output pixels along a border or a seam that are judged apart: a network's padding decides there.
BORDER_PX = 32
SEAM_PX = 8  # of these, those along a seam that no region of a shifted input may hold
ROUNDING = 1 / 12  # mean squared error of rounding to whole grey levels: below it, errors are equal


@dataclass(frozen=True)
class Scored:
    """Pixels of a scored image and of its HR image at the same places."""

    sr: Samples
    hr: Samples


class Comparison:
    """Pixels of a submission's answers at places that only the parent knows, so that no image need be kept."""

    def __init__(self, scale: int) -> None:
        self._scale = scale
        self._seed = int.from_bytes(np.random.default_rng().bytes(4), "big")
        self._scored: dict[Key, Scored] = {}
        self._checks: dict[tuple[Key, Variant], Samples] = {}
        self._differences: list[int] = []
        self.losses: dict[Split, Losses] = {}

    def keep_scored(self, key: Key, sr: Image, hr: Image) -> None:
        """A scored image (uint8 HxWx3) and its HR image; may be called from any thread."""
        places = self._places(sr.shape[:2])
        self._scored[key] = Scored(sr[places], hr[places])

    def keep_check(self, key: Key, change: Variant, image: Image) -> None:
        """The scoring worker's answer to a changed input."""
        self._checks[key, change] = image[self._places(image.shape[:2])]

    def sample(self, image: Image) -> Samples:
        """An image's pixels (uint8 HxWx3) at the places that are compared: uint8 Nx3."""
        return image[self._places(image.shape[:2])]

    def scored_sample(self, key: Key) -> Samples:
        """The same of a scored image."""
        return self._scored[key].sr

    def timed(self, mode: Split, one: TimedInput, image: Image) -> None:
        """Compare the timed worker's answer with all that is known of it."""
        key = (mode, one.image)
        here = image[self._places(image.shape[:2])]
        known = self._scored[key].sr if one.variant == Variant() else self._checks.get((key, one.variant))
        if known is not None:
            self._differences.append(largest_difference(known, here))
        if one.variant != Variant():
            losses = self.losses.setdefault(mode, Losses())
            before = len(losses.inside)
            self._add_losses(losses, self._scored[key], one.variant, image)
            if one.warm_up:
                losses.warm_ups += losses.inside[before:]

    def flags(self) -> list[Flag]:
        """What the comparisons with the scored images raised."""
        found = []
        if self._differences and max(self._differences) > 1:
            reason = (
                f"the timed worker's images differ from the scored ones by up to {max(self._differences)} grey "
                f"levels ({sum(d > 1 for d in self._differences)} of {len(self._differences)} compared)"
            )
            found.append(FlagName.NOT_REPRODUCIBLE.because(reason))
        for split, losses in self.losses.items():
            if reasons := losses.reasons():
                reason = (
                    f"the timed worker's {split} images are {'; '.join(reasons)}: its times are of other work"
                )
                found.append(FlagName.WORSE_WHEN_TIMED.because(reason))
            if n := losses.by_heart():
                reason = (
                    f"{n} changed {split} inputs are answered {BY_HEART_DB:g} dB better than the scored ones"
                )
                found.append(FlagName.KNOWN_BY_HEART.because(reason))
        return found

    def _add_losses(self, losses: Losses, scored: Scored, change: Variant, image: Image) -> None:
        """Add one figure in dB for each region that the image has."""
        height, width = image.shape[:2]
        places = self._places((height, width))
        there = inputs.changed_places(places, (height, width), change, self._scale)
        inside_scored, inside_there = _inside(places, height, width), _inside(there, height, width)

        def add(figures: list[float], region: NDArray[np.bool_]) -> None:
            if region.any():
                here, hr, sr = image[there][region], scored.hr[region], scored.sr[region]
                figures.append(10 * math.log10((_mse(here, hr) + ROUNDING) / (_mse(sr, hr) + ROUNDING)))

        add(losses.inside, inside_scored & inside_there)
        if change.shift_y or change.shift_x:
            off_seam = _inside(places, height, width, SEAM_PX)  # what was a border is a seam now
            add(losses.shifted, off_seam & ~inside_there)
        else:
            add(losses.mirrored, ~inside_scored)

    def _places(self, shape: tuple[int, ...]) -> inputs.PixelPlaces:
        return _drawn(self._seed, shape[0], shape[1])


@functools.lru_cache(maxsize=64)
def _drawn(seed: int, height: int, width: int) -> inputs.PixelPlaces:
    """Rows and columns of all pixels of a small image, of `MOST_PLACES` random ones of a larger one."""
    if height * width <= MOST_PLACES:
        flat = np.arange(height * width)
    else:
        flat = np.random.default_rng(seed).integers(0, height * width, MOST_PLACES)
    return flat // width, flat % width


def _inside(
    places: inputs.PixelPlaces, height: int, width: int, most_px: int = BORDER_PX
) -> NDArray[np.bool_]:
    """Where places are a margin away from the border; the margin is an eighth of a small image."""
    inside = np.ones(len(places[0]), bool)
    for position, length in zip(places, (height, width), strict=True):
        margin = min(most_px, length // 8)
        inside &= (position >= margin) & (position < length - margin)
    return inside


def largest_difference(first: Samples, second: Samples) -> int:
    """In grey levels, between two samples of one shape (uint8, 0..255)."""
    return int(np.abs(first.astype(np.int16) - second).max())


def _mse(first: Samples, second: Samples) -> float:
    return float(np.square(first.astype(np.float64) - second).mean())
