"""Bicubic as a reference: once per image, complete or absent, and the flags by it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from data.bicubic import imresize
from data.images import read_rgb
from data.pairs import ImagePair, pair_folders
from eval.harness.scoring import reference
from eval.harness.scoring.reference import BicubicReference, quality_flags
from eval.metrics import registry
from eval.records.schema import ImageResult, ModeResult

METRICS = registry.chosen(["psnr", "ssim"], 4)


def result(*values: float, name: str = "psnr") -> ModeResult:
    return ModeResult(
        images=[ImageResult(name=str(i), metrics={name: value}) for i, value in enumerate(values)]
    )


def test_each_image_is_enlarged_once(tiny_pairs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = pair_folders(*tiny_pairs)
    calls = []
    honest = reference.enlarged
    monkeypatch.setattr(reference, "enlarged", lambda lr, scale: calls.append(1) or honest(lr, scale))
    bicubic = BicubicReference(METRICS, 4)
    for pair in [*pairs[:2], *pairs[:2]]:
        bicubic.meet(pair, read_rgb(pair.hr))
    assert len(calls) == 2
    assert bicubic.result(pairs) is None  # the third image was never scored
    found = bicubic.result(pairs[:2])
    assert found is not None
    hr = read_rgb(pairs[0].hr)
    expected = registry.measure(imresize(read_rgb(pairs[0].lr), 4), hr, METRICS[:1])
    assert found.images[0].metrics == expected  # without SSIM, which is computed on request only


def test_images_without_lr_and_odd_scales_have_no_reference(tiny_pairs: tuple[Path, Path]) -> None:
    hr = next(tiny_pairs[0].iterdir())
    alone = ImagePair("img0", hr, hr)
    for scale in (4, 7):
        bicubic = BicubicReference(METRICS, scale)
        pair = alone if scale == 4 else pair_folders(*tiny_pairs)[0]
        bicubic.meet(pair, read_rgb(hr))
        assert bicubic.result([pair]) is None


def test_enlarged_images_are_uint8_of_scale_times_the_size() -> None:
    lr = np.zeros((5, 7, 3), np.uint8)
    assert reference.enlarged(lr, 3).shape == (15, 21, 3) and reference.enlarged(lr, 3).dtype == np.uint8


@pytest.mark.parametrize(
    ("value", "bicubic", "expected"),
    [(30.0, 29.0, []), (29.0, 29.0, []), (28.0, 29.0, ["below bicubic"]), (28.0, None, [])],
)
def test_below_bicubic(value: float, bicubic: float | None, expected: list[str]) -> None:
    others = {} if bicubic is None else {"valid": result(bicubic)}
    found = quality_flags(METRICS, {"valid": result(value)}, others)
    assert [flag.name for flag in found] == expected
    if expected:
        assert "valid: PSNR is 28.00 dB, bicubic enlargement has 29.00 dB" in found[0].reason


def test_a_metric_whose_lower_values_are_better() -> None:
    metrics = registry.chosen(["lpips"])
    worse = quality_flags(metrics, {"valid": result(0.5, name="lpips")}, {"valid": result(0.2, name="lpips")})
    better = quality_flags(
        metrics, {"valid": result(0.1, name="lpips")}, {"valid": result(0.2, name="lpips")}
    )
    assert [flag.name for flag in worse] == ["below bicubic"] and better == []


def test_equal_to_hr_is_asked_per_image() -> None:
    found = quality_flags(METRICS, {"test": result(30.0, math.inf)}, {})
    assert [flag.name for flag in found] == ["equal to HR"]
    assert "test: 1 of 2 images equal their HR images exactly (such as 1)" in found[0].reason


def test_one_image_far_above_the_others_is_known_by_heart() -> None:
    usual, bicubic = [28.0, 31.0, 27.5], [26.0, 30.0, 22.0]
    assert quality_flags(METRICS, {"valid": result(*usual)}, {"valid": result(*bicubic)}) == []
    stored = {"valid": result(28.0, 46.0, 27.5)}
    (flag,) = quality_flags(METRICS, stored, {"valid": result(*bicubic)})
    assert (
        flag.name == "known by heart"
        and "1 of 3 images" in flag.reason
        and "16.0 dB for 5.5 dB" in flag.reason
    )
