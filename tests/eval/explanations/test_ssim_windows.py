"""SSIM by other windows, against scikit-image and SciPy, which compute it in ways of their own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from eval.explanations.ssim_windows import SSIM_WINDOWS
from eval.metrics.ssim import ssim

BY_TITLE = {window.title: window for window in SSIM_WINDOWS}
Pixels = NDArray[np.float64]


def images(side: int = 60) -> tuple[Pixels, Pixels]:
    noise = np.random.default_rng(3).integers(0, 256, (side, side + 8), np.uint8)
    hr = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.blur(hr, (3, 3)).astype(np.float64), hr.astype(np.float64)


def value(title: str, border: int = 0) -> float:
    return BY_TITLE[title].value(*images(), border)


def test_the_uniform_window_is_the_default_of_scikit_image() -> None:
    sr, hr = images()
    expected = structural_similarity(sr, hr, data_range=255)
    assert value("uniform window 7x7, sample covariance") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("border", "cut"), [(0, 0), (4, 4)])
def test_gaussian_weights_of_scikit_image(border: int, cut: int) -> None:
    sr, hr = (image[cut : len(image) - cut, cut : image.shape[1] - cut] for image in images())
    expected = structural_similarity(sr, hr, data_range=255, gaussian_weights=True, sigma=1.5)
    assert value("Gaussian of 11 taps, sample covariance", border) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("title", "unbias"), [("", 1.0), (", sample covariance", 121 / 120)])
def test_thirteen_taps_are_those_of_scipy(title: str, unbias: float) -> None:
    sr, hr = images()
    x, y, xx, yy, xy = (gaussian_filter(i, 1.5) for i in (sr, hr, sr * sr, hr * hr, sr * hr))
    c1, c2 = 2.55**2, 7.65**2
    covariance, variances = unbias * (xy - x * y), unbias * (xx - x * x + yy - y * y)
    ratio = (2 * x * y + c1) * (2 * covariance + c2) / ((x * x + y * y + c1) * (variances + c2))
    expected = ratio[5:-5, 5:-5].mean()
    assert value(f"Gaussian of 13 taps{title}") == pytest.approx(expected, abs=1e-9)


def test_small_images_are_not_down_sampled_and_large_ones_are() -> None:
    title = "Gaussian of 11 taps, images down-sampled first"
    small, large = images(), images(520)
    assert BY_TITLE[title].value(*small, 0) == pytest.approx(ssim(*small, 0), abs=1e-9)
    halves = [image.reshape(260, 2, 264, 2).mean(axis=(1, 3)) for image in large]
    assert BY_TITLE[title].value(*large, 0) == pytest.approx(ssim(halves[0], halves[1], 0), abs=1e-9)


def test_zeros_beyond_the_border_and_wrong_constants_change_the_value() -> None:
    usual = ssim(*images(), 0)
    for title in BY_TITLE:
        if "down-sampled" not in title:
            assert abs(value(title) - usual) > 1e-6, title
    assert value("Gaussian of 11 taps, constants for a range of 255 on values up to 1") > 0.99
