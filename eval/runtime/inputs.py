"""Variants of an image for timing: flips, half turns and circular shifts, so that no input repeats.

A network that meets an image again could answer from a cache. So the timing pass shows each image mirrored, turned
and shifted instead: the same size and, for a convolutional network, the same content, but other bytes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PixelPlaces = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows and columns of pixels
# Shifts step through the image by amounts that stay distinct for long and are never 0 in both directions.
_SHIFT_STEP = 7
_MOST_SHIFT = 1 << 16  # above any image's side: shifts go round it


@dataclass(frozen=True, order=True)
class Variant:
    """Mirror first (left-right, then top-bottom; both are a half turn), then shift around, in pixels."""

    flip_x: bool = False
    flip_y: bool = False
    shift_y: int = 0
    shift_x: int = 0

    def describe(self) -> str:
        """Short name for records and messages, such as `flip_x+shift(7,14)`."""
        turn = {(False, False): "plain", (True, False): "flip_x", (False, True): "flip_y"}
        name = turn.get((self.flip_x, self.flip_y), "rot180")
        return name if not (self.shift_y or self.shift_x) else f"{name}+shift({self.shift_y},{self.shift_x})"


@dataclass(frozen=True)
class TimedInput:
    """One request of a timing pass: image number, variant, and whether its time is counted."""

    image: int
    variant: Variant
    warm_up: bool


_TURNS = ((False, False), (True, False), (False, True), (True, True))


def variant(number: int) -> Variant:
    """Variant `number` (0, 1, 2, ...) of an endless list: four mirrorings, then the same shifted.

    Number 0 leaves the image as it is. Raises ValueError for a negative number.

    >>> [variant(number).describe() for number in (0, 3, 5)]
    ['plain', 'rot180', 'flip_x+shift(7,9)']
    """
    if number < 0:
        raise ValueError(f"variant number {number}: expected 0 or more")
    shift, turn = divmod(number, len(_TURNS))
    flip_x, flip_y = _TURNS[turn]
    return Variant(flip_x, flip_y, shift_y=shift * _SHIFT_STEP, shift_x=shift * (_SHIFT_STEP + 2))


def apply_variant(image: NDArray[np.uint8], change: Variant) -> NDArray[np.uint8]:
    """A changed copy of an image, in C order.

    image: HxW or HxWxC, any dtype and range. Returns the same shape and dtype.

    >>> apply_variant(np.arange(6, dtype=np.uint8).reshape(2, 3), Variant(flip_x=True, shift_x=1))
    array([[0, 2, 1],
           [3, 5, 4]], dtype=uint8)
    """
    if change.flip_x:
        image = image[:, ::-1]
    if change.flip_y:
        image = image[::-1]
    if change.shift_y or change.shift_x:
        image = np.roll(image, (change.shift_y, change.shift_x), axis=(0, 1))
    return np.array(image, order="C", copy=True)


def changed_places(places: PixelPlaces, shape: tuple[int, int], change: Variant, scale: int) -> PixelPlaces:
    """Where pixels of a network's output are found in its output for the changed image.

    places: rows and columns, two int arrays of one length. shape: height and width of the output, `scale` times the
    image's. Values there still differ a little, because kernels are not symmetric, and more along borders and seams.

    >>> rows, columns = changed_places((np.array([0]), np.array([5])), (8, 8), Variant(flip_y=True, shift_x=1), 4)
    >>> int(rows[0]), int(columns[0])
    (7, 1)
    """
    (rows, columns), (height, width) = places, shape
    if change.flip_y:
        rows = height - 1 - rows
    if change.flip_x:
        columns = width - 1 - columns
    return (rows + change.shift_y * scale) % height, (columns + change.shift_x * scale) % width


def _random_variant(order: random.Random) -> Variant:
    turn = order.choice(_TURNS)
    return Variant(*turn, shift_y=order.randrange(1, _MOST_SHIFT), shift_x=order.randrange(1, _MOST_SHIFT))


def plan_timing(images: Sequence[int], repeats: int, warm_ups: int, seed: int) -> list[TimedInput]:
    """Order of a robust timing pass: `warm_ups` uncounted requests, then `repeats` shuffled rounds.

    images: image numbers, each once. Every counted sample of an image is another variant of it. Each repeat is a
    complete round in its own random order, so that a slow drift of the machine meets all images alike. Warm-up
    requests cycle through the images, mirrored and shifted at random, so nobody can know one beforehand. An input
    repeats only by a chance of one in the number of pixels. The same arguments give the same plan.
    Raises ValueError for repeated or no images, repeats < 1, warm_ups < 0.
    """
    numbers = list(images)
    if not numbers or len(set(numbers)) != len(numbers):
        raise ValueError(f"images {numbers!r}: expected at least one image number, each once")
    if repeats < 1 or warm_ups < 0:
        raise ValueError(f"repeats {repeats}, warm-ups {warm_ups}: expected at least 1 and 0")
    order = random.Random(seed)
    plan = [
        TimedInput(numbers[i % len(numbers)], _random_variant(order), warm_up=True) for i in range(warm_ups)
    ]
    offsets = {number: order.sample(range(repeats), repeats) for number in numbers}
    for repeat in range(repeats):
        for number in order.sample(numbers, len(numbers)):
            plan.append(TimedInput(number, variant(offsets[number][repeat]), warm_up=False))
    return plan
