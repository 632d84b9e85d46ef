"""Answers of several workers compared: equal inputs and changed inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.types import Image
from eval.integrity.losses import Losses, mean_loss
from eval.integrity.outputs import Comparison
from eval.runtime.inputs import (
    TimedInput,
    Variant,
    apply_variant,
    variant,
)

SCALE = 4
CHANGED = [Variant(flip_x=True), Variant(flip_y=True), variant(7), Variant(True, True, 30_001, 65_000)]


@pytest.fixture
def hr() -> Image:
    """Larger than the number of places, so that places are drawn."""
    return np.random.default_rng(0).integers(20, 230, (240, 320, 3)).astype(np.uint8)


def noisy(image: Image, sigma: float, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).round().astype(np.uint8)


def changed(image: Image, change: Variant) -> Image:
    """An output changed as the input is."""
    scaled = Variant(change.flip_x, change.flip_y, change.shift_y * SCALE, change.shift_x * SCALE)
    return apply_variant(image, scaled)


def compared(hr: Image, scored: Image, timed: dict[Variant, Image]) -> Comparison:
    comparison = Comparison(SCALE)
    comparison.keep_scored(("valid", 0), scored, hr)
    for change, image in timed.items():
        comparison.timed("valid", TimedInput(0, change, False), image)
    return comparison


def names(comparison: Comparison) -> list[str]:
    return [flag.name for flag in comparison.flags()]


def test_answers_as_good_as_the_scored_ones_raise_nothing(hr: Image) -> None:
    timed = {change: noisy(changed(hr, change), 5, seed) for seed, change in enumerate(CHANGED, 1)}
    comparison = compared(hr, noisy(hr, 5, 0), timed)
    assert names(comparison) == []
    assert mean_loss(comparison.losses["valid"].inside) == pytest.approx(0, abs=0.15)


def test_worse_answers_to_changed_inputs_are_told_with_how_much(hr: Image) -> None:
    timed = {change: noisy(changed(hr, change), 10, seed) for seed, change in enumerate(CHANGED, 1)}
    comparison = compared(hr, noisy(hr, 5, 0), timed)
    assert names(comparison) == ["worse when timed"]
    loss_db = mean_loss(comparison.losses["valid"].inside)
    assert loss_db == pytest.approx(6.0, abs=0.1)
    expected = f"{loss_db:.2f} dB worse than the scored ones in the mean over 4 mirrored"
    assert expected in comparison.flags()[0].reason


def test_somewhat_better_answers_when_timed_are_no_reproach(hr: Image) -> None:
    timed = {change: noisy(changed(hr, change), 4, seed) for seed, change in enumerate(CHANGED, 1)}
    assert names(compared(hr, noisy(hr, 5, 0), timed)) == []


def test_seams_say_nothing_about_a_network(hr: Image) -> None:
    timed = {}
    for change in CHANGED:
        image = changed(noisy(hr, 5, 1), change)
        for axis, shift in enumerate((change.shift_y, change.shift_x)):
            if shift:
                seam = (np.arange(-8, 8) + shift * SCALE) % image.shape[axis]
                image[(slice(None),) * axis + (seam,)] = 0
        timed[change] = image
    assert names(compared(hr, noisy(hr, 5, 0), timed)) == []


@pytest.mark.parametrize("change", [*CHANGED[:3], Variant(True, True, 30_010, 65_011)])
@pytest.mark.parametrize("side", [np.s_[:8], np.s_[-8:], np.s_[:, :8], np.s_[:, -8:]])
def test_a_border_that_is_left_out_is_worse(hr: Image, change: Variant, side: Any) -> None:
    image = changed(noisy(hr, 5, 1), change)
    image[side] = 127
    (flag,) = compared(hr, noisy(hr, 5, 0), {change: image}).flags()
    assert flag.name == "worse when timed" and "along the borders" in flag.reason


def test_a_border_of_a_networks_own_padding_is_allowed(hr: Image) -> None:
    """A shifted input has other pixels along its borders: real networks lose half a dB there."""
    timed = {}
    for seed, change in enumerate(CHANGED, 1):
        image = changed(noisy(hr, 5, seed), change)
        spoiled = noisy(image, 3 if change.shift_y else 0.5, seed)
        image[:32], image[-32:], image[:, :32], image[:, -32:] = (
            spoiled[:32], spoiled[-32:], spoiled[:, :32], spoiled[:, -32:],
        )  # fmt: skip
        timed[change] = image
    assert names(compared(hr, noisy(hr, 5, 0), timed)) == []


def test_one_answer_by_heart_pays_for_no_other(hr: Image) -> None:
    """The signed mean is a gain of 10 dB."""
    perfect, worse = changed(hr, CHANGED[0]), changed(noisy(hr, 9, 1), CHANGED[1])
    comparison = compared(hr, noisy(hr, 5, 0), {CHANGED[0]: perfect, CHANGED[1]: worse})
    assert sum(comparison.losses["valid"].inside) < -10
    assert set(names(comparison)) == {"worse when timed", "known by heart"}


def test_a_good_split_pays_for_no_other(hr: Image) -> None:
    comparison = compared(hr, noisy(hr, 5, 0), {})
    comparison.keep_scored(("test", 0), noisy(hr, 5, 0), hr)
    for number in range(40):
        good = TimedInput(0, Variant(flip_x=True), False)
        comparison.timed("valid", good, noisy(changed(hr, good.variant), 4.8, number))
    comparison.timed("test", good, noisy(changed(hr, good.variant), 7, 1))
    (flag,) = comparison.flags()
    assert "timed worker's test images" in flag.reason


def test_a_tenth_of_bad_answers_is_not_lost_in_the_mean() -> None:
    assert Losses(inside=[0.0] * 178 + [0.6] * 22).reasons() == []
    assert Losses(inside=[0.0] * 178 + [0.8] * 22).reasons() == [
        "one in ten of 200 is 0.80 dB worse, or more"
    ]


def test_an_image_too_small_for_a_margin_is_compared_whole() -> None:
    hr = np.full((4, 4, 3), 100, np.uint8)
    assert names(compared(hr, hr, {CHANGED[0]: hr + 50})) == ["worse when timed"]


def test_other_answers_to_equal_inputs_are_not_reproducible(hr: Image) -> None:
    assert names(compared(hr, hr, {Variant(): hr + 1})) == []
    (flag,) = compared(hr, hr, {Variant(): hr + 2}).flags()
    assert flag.name == "not reproducible"
    assert "by up to 2 grey levels (1 of 1 compared)" in flag.reason


def test_answers_of_the_scoring_worker_to_changed_inputs_are_compared_too(hr: Image) -> None:
    comparison = compared(hr, hr, {})
    comparison.keep_check(("valid", 0), CHANGED[0], changed(hr, CHANGED[0]))
    comparison.timed("valid", TimedInput(0, CHANGED[0], False), changed(hr, CHANGED[0]) - 2)
    assert "not reproducible" in names(comparison)


def test_each_warm_up_is_judged_by_itself(hr: Image) -> None:
    """One bad warm-up among many good answers changes the mean little, and is told."""
    comparison = compared(hr, noisy(hr, 5, 0), {})
    for seed in range(60):
        comparison.timed(
            "valid", TimedInput(0, CHANGED[seed % 4], seed < 2), changed(noisy(hr, 5, 0), CHANGED[seed % 4])
        )
    assert names(comparison) == []
    worse = changed(noisy(hr, 7, 1), CHANGED[0])
    comparison.timed("valid", TimedInput(0, CHANGED[0], False), worse)
    assert names(comparison) == [], "one counted input among many"
    comparison.timed("valid", TimedInput(0, CHANGED[0], True), worse)
    (flag,) = comparison.flags()
    assert flag.name == "worse when timed" and "in the answer to a warm-up" in flag.reason
