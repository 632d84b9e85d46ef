"""MATLAB's bicubic: pixel for pixel on reference images, and against a plain matrix written here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.bicubic import FACTORS, Border, imresize
from data.errors import InputError
from data.images import modcrop, read_rgb
from data.pairs import ImagePair, find_pairs, pair_folders

RNG = np.random.default_rng(0)


def keys(x: float) -> float:
    """The cubic kernel with a = -1/2, in the form of Keys' paper."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def matrix(length: int, scale: float) -> np.ndarray:
    """Row k weighs the source pixels for output pixel k; pixels beyond the border are added to their mirror images."""
    out_length = int(np.ceil(round(length * scale, 9)))
    stretch = min(1.0, scale)
    rows = np.zeros((out_length, length))
    for k in range(out_length):
        centre = (k + 0.5) / scale - 0.5
        for source in range(int(centre - 2 / stretch) - 3, int(centre + 2 / stretch) + 4):
            mirrored = source % (2 * length)
            mirrored = min(mirrored, 2 * length - 1 - mirrored)
            rows[k, mirrored] += keys((centre - source) * stretch)
    return rows / rows.sum(axis=1, keepdims=True)


def differing(pairs: list[ImagePair], border: Border) -> list[int]:
    """Per pair, how many values differ from the LR file."""
    made = [imresize(modcrop(read_rgb(pair.hr), 4), 1 / 4, border) for pair in pairs]
    return [int((image != read_rgb(pair.lr)).sum()) for image, pair in zip(made, pairs, strict=True)]


def test_set5_comes_out_pixel_for_pixel(shared: Path) -> None:
    pairs = pair_folders(shared / "images" / "Set5" / "HR", shared / "images" / "Set5" / "LR")
    assert differing(pairs, "mirror") == [0] * 5


def test_set14_comes_out_pixel_for_pixel_with_the_older_border(shared: Path) -> None:
    assert differing(find_pairs(shared / "images" / "Set14", "valid"), "replicate") == [0] * 14


def test_borders_differ_in_two_outer_rows_only() -> None:
    image = RNG.integers(0, 256, (64, 96, 3), np.uint8)
    mirrored, replicated = imresize(image, 1 / 4), imresize(image, 1 / 4, "replicate")
    assert not np.array_equal(mirrored, replicated)
    assert np.array_equal(mirrored[2:-2, 2:-2], replicated[2:-2, 2:-2])


@pytest.mark.parametrize("scale", [*FACTORS, *(1 / factor for factor in FACTORS)])
@pytest.mark.parametrize("shape", [(48, 72, 3), (50, 31), (5, 9, 3), (1, 1, 3)])
def test_float_images_equal_two_matrix_products(scale: float, shape: tuple[int, ...]) -> None:
    image = RNG.random(shape)
    expected = np.tensordot(matrix(shape[0], scale), image, (1, 0))
    expected = np.moveaxis(np.tensordot(matrix(shape[1], scale), expected, (1, 1)), 0, 1)
    result = imresize(image, scale)
    assert result.dtype == np.float64 and result.shape == expected.shape
    assert np.abs(result - expected).max() < 1e-12
    assert np.abs(imresize(image.astype(np.float32), scale) - expected).max() < 1e-6


@pytest.mark.parametrize("scale", [1 / 2, 1 / 4, 1 / 8, 2, 4])
def test_uint8_is_rounded_after_each_pass(scale: float) -> None:
    # These factors' weights are multiples of a power of two, so the sums are exact and so are their ties.
    image = RNG.integers(0, 256, (64, 40), np.uint8)
    rows = np.clip(np.floor(matrix(64, scale) @ image.astype(float) + 0.5), 0, 255)
    expected = np.clip(np.floor(rows @ matrix(40, scale).T + 0.5), 0, 255)
    result = imresize(image, scale)
    assert result.dtype == np.uint8
    assert np.array_equal(result, expected)


def test_overshoot_is_clipped_in_uint8_and_kept_in_float() -> None:
    image = np.zeros((16, 16), np.uint8)
    image[:, 8:] = 255
    assert imresize(image, 4).min() == 0 and imresize(image, 4).max() == 255
    assert imresize(image.astype(np.float64), 4).max() > 256


@settings(max_examples=40, deadline=None)
@given(
    value=st.integers(0, 255),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    factor=st.sampled_from(FACTORS),
    shrink=st.booleans(),
)
def test_flat_images_stay_flat_at_any_size(
    value: int, height: int, width: int, factor: int, shrink: bool
) -> None:
    image = np.full((height, width, 3), value, np.uint8)
    result = imresize(image, 1 / factor if shrink else factor)
    expected = (-(-height // factor), -(-width // factor)) if shrink else (height * factor, width * factor)
    assert result.shape == (*expected, 3)
    assert (result == value).all()


def test_input_is_not_modified_and_views_are_accepted() -> None:
    image = RNG.integers(0, 256, (40, 64, 3), np.uint8)
    before = image.copy()
    assert np.array_equal(imresize(image[::-1, ::2], 1 / 4), imresize(image[::-1, ::2].copy(), 1 / 4))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("scale", [0.3, 1, 5, 0, -4, float("nan")])
def test_other_factors_are_refused(scale: float) -> None:
    with pytest.raises(
        InputError, match=r"scale .*: expected one of 2, 3, 4, 8 or 1 divided by one of these"
    ):
        imresize(np.zeros((8, 8), np.uint8), scale)


def test_other_images_are_refused() -> None:
    with pytest.raises(InputError, match="expected uint8, float32 or float64, found uint16"):
        imresize(np.zeros((8, 8), np.uint16), 2)  # type: ignore[type-var]
    with pytest.raises(InputError, match=r"expected height x width \(x channels\), found shape \(0, 8\)"):
        imresize(np.zeros((0, 8), np.uint8), 2)
    with pytest.raises(InputError, match=r"found shape \(1, 8, 8, 3\)"):
        imresize(np.zeros((1, 8, 8, 3), np.uint8), 2)
