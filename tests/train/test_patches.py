"""Patches depend on their number alone; flips and turns hit both images; a batch is shared without overlap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from data.stores import PairStore, open_store
from train.patches import BatchShare, PatchPlan, loader, patch, to_float, turned


class Coordinates:
    """A store whose LR pixels say where they are; an HR pixel says it of the LR pixel it lies in."""

    scale = 4

    def __len__(self) -> int:
        return 3

    def size(self, index: int) -> tuple[int, int]:
        return 30 + index, 40

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.mgrid[top : top + height, left : left + width].astype(np.uint8)
        low = np.stack([rows, columns, np.full_like(rows, index)], axis=-1)
        return low, np.kron(low, np.ones((4, 4, 1), np.uint8))


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, 10_000), seed=st.integers(0, 99), side=st.integers(1, 30))
def test_hr_and_lr_patches_stay_aligned(number: int, seed: int, side: int) -> None:
    low, high = patch(Coordinates(), PatchPlan(side, seed), number)
    assert low.shape == (side, side, 3)
    assert np.array_equal(high, np.kron(low, np.ones((4, 4, 1), np.uint8)))


def test_all_eight_orientations_occur() -> None:
    seen = set()
    for number in range(200):
        low, _ = patch(Coordinates(), PatchPlan(2, 0), number)
        steps = (low[0, 1].astype(int) - low[0, 0])[:2], (low[1, 0].astype(int) - low[0, 0])[:2]
        seen.add(tuple(np.concatenate(steps)))
    assert len(seen) == 8


def test_without_flips_and_rotations_patches_stay_upright() -> None:
    for number in range(20):
        low, _ = patch(Coordinates(), PatchPlan(2, 0, flips=False, rotations=False), number)
        assert (low[0, 1].astype(int) - low[0, 0])[:2].tolist() == [0, 1]


def test_turns_are_those_of_numpy() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert np.array_equal(turned(image, True, 1), np.rot90(np.fliplr(image)))


def test_every_image_once_per_epoch() -> None:
    for epoch in range(4):
        images = [patch(Coordinates(), PatchPlan(2, 5), epoch * 3 + place)[0][0, 0, 2] for place in range(3)]
        assert sorted(images) == [0, 1, 2]


def test_small_images_are_passed_over_and_named_when_all_are_small() -> None:
    for number in range(9):
        low, _ = patch(Coordinates(), PatchPlan(32, 0), number)
        assert low[0, 0, 2] == 2
    with pytest.raises(InputError, match="found none of at least 132 pixels each way"):
        patch(Coordinates(), PatchPlan(33, 0), 0)


def test_shares_make_up_the_batch() -> None:
    whole = BatchShare(6).numbers(4)
    parts = [number for rank in range(3) for number in BatchShare(6, rank, 3).numbers(4)]
    assert parts == list(whole) == list(range(24, 30))


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_starts_anywhere_and_workers_change_nothing(photos: Path, workers: int) -> None:
    store: PairStore = open_store(photos, (), 4)
    plan, share = PatchPlan(16, 3), BatchShare(2)
    whole = list(loader(store, plan, share, first_step=0, steps=5, workers=0))
    later = list(loader(store, plan, share, first_step=2, steps=5, workers=workers))
    assert len(later) == 3
    for (low, high), (other_low, other_high) in zip(whole[2:], later, strict=True):
        assert torch.equal(low, other_low) and torch.equal(high, other_high)
        assert low.shape == (2, 16, 16, 3) and high.shape == (2, 64, 64, 3)


def test_to_float_is_channels_first_in_0_to_1() -> None:
    images = torch.zeros(1, 2, 3, 3, dtype=torch.uint8)
    images[0, 1, 2, 0] = 255
    floats = to_float(images)
    assert floats.shape == (1, 3, 2, 3) and floats.dtype == torch.float32
    assert floats[0, 0, 1, 2] == 1 and floats.sum() == 1
