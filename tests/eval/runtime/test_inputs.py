"""Variants of an image: reversible, never twice the same input, planned reproducibly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.runtime.inputs import (
    apply_variant,
    changed_places,
    plan_timing,
    variant,
)

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


def test_first_variants_by_name() -> None:
    assert [variant(i).describe() for i in range(6)] == [
        "plain",
        "flip_x",
        "flip_y",
        "rot180",
        "plain+shift(7,9)",
        "flip_x+shift(7,9)",
    ]


def test_mirroring_and_half_turn() -> None:
    assert np.array_equal(apply_variant(IMAGE, variant(0)), IMAGE)
    assert np.array_equal(apply_variant(IMAGE, variant(1)), IMAGE[:, ::-1])
    assert np.array_equal(apply_variant(IMAGE, variant(2)), IMAGE[::-1])
    assert np.array_equal(apply_variant(IMAGE, variant(3)), np.rot90(IMAGE, 2))
    assert np.array_equal(apply_variant(IMAGE, variant(4)), np.roll(IMAGE, (7, 9), (0, 1)))


def test_an_image_of_its_own_is_returned() -> None:
    changed = apply_variant(IMAGE, variant(0))
    assert changed is not IMAGE
    assert changed.flags.c_contiguous and not np.shares_memory(changed, IMAGE)


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 4]))
@settings(max_examples=60)
def test_places_of_an_enlarged_answer_are_found_in_the_changed_one(
    number: int, height: int, width: int, scale: int
) -> None:
    image = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    plain = image.repeat(scale, 0).repeat(scale, 1)
    changed = apply_variant(image, variant(number)).repeat(scale, 0).repeat(scale, 1)
    rows, columns = (axis.ravel() for axis in np.indices(plain.shape[:2]))
    there = changed_places((rows, columns), plain.shape[:2], variant(number), scale)
    assert np.array_equal(changed[there], plain[rows, columns])


def test_two_hundred_variants_of_a_small_image_all_differ() -> None:
    assert len({apply_variant(IMAGE, variant(i)).tobytes() for i in range(200)}) == 200


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 12), st.integers())
@settings(max_examples=60)
def test_plan_meets_every_image_in_every_round_and_never_repeats(
    images: int, repeats: int, warm_ups: int, seed: int
) -> None:
    plan = plan_timing(range(images), repeats, warm_ups, seed)

    assert [one.warm_up for one in plan] == [True] * warm_ups + [False] * (images * repeats)
    assert len({(one.image, one.variant) for one in plan}) == len(plan)
    counted = plan[warm_ups:]
    for i in range(repeats):
        assert {one.image for one in counted[i * images : (i + 1) * images]} == set(range(images))
    assert {one.variant for one in counted if one.image == 0} == {variant(i) for i in range(repeats)}
    assert plan == plan_timing(range(images), repeats, warm_ups, seed)


def test_order_depends_on_the_seed() -> None:
    assert plan_timing(range(10), 3, 0, seed=1) != plan_timing(range(10), 3, 0, seed=2)


def test_warm_ups_cannot_be_known_beforehand() -> None:
    """The traced network is run on one of them."""
    shifts = {
        (one.variant.shift_y, one.variant.shift_x)
        for seed in range(50)
        for one in plan_timing([0], 3, 3, seed)[:3]
    }
    assert len(shifts) == 150


@pytest.mark.parametrize(
    ("images", "repeats", "warm_ups", "message"),
    [
        ([], 1, 0, "expected at least one image number"),
        ([1, 1], 1, 0, "each once"),
        ([1], 0, 0, "repeats 0, warm-ups 0: expected at least 1 and 0"),
        ([1], 1, -1, "repeats 1, warm-ups -1"),
    ],
)
def test_impossible_plans_are_refused(images: list[int], repeats: int, warm_ups: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_timing(images, repeats, warm_ups, seed=0)


def test_negative_variant_is_refused() -> None:
    with pytest.raises(ValueError, match="variant number -1: expected 0 or more"):
        variant(-1)
