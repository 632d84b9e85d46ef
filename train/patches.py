"""Batches of aligned random patches. Each patch is a function of the seed and its number alone.

The sampler has no state. Training therefore resumes bit for bit, and the number of processes does not matter: step s
of a stage uses the patches s*batch to (s+1)*batch-1, however they are spread over devices and loader processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from data.errors import InputError
from data.stores import PairStore
from data.types import Image


@dataclass(frozen=True)
class PatchPlan:
    """Patches of `lr_patch` pixels square (HR: times the scale), turned as allowed and picked by `seed`."""

    lr_patch: int
    seed: int
    flips: bool = True
    rotations: bool = True


def patch(store: PairStore, plan: PatchPlan, number: int) -> tuple[Image, Image]:
    """Patch `number` of the endless sequence that `plan` defines: LR and HR, uint8, H x W x 3.

    Images come in a new random order every epoch. An image that is too small for the patch is replaced by a
    random other image. Raises InputError if none of 100 is large enough.
    """
    epoch, place = divmod(number, len(store))
    index = int(_order(plan.seed, epoch, len(store))[place])
    random = np.random.default_rng((plan.seed, 1, number))
    for _ in range(100):
        height, width = store.size(index)
        if min(height, width) >= plan.lr_patch:
            break
        index = int(random.integers(len(store)))
    else:
        raise InputError(
            f"training images: found none of at least {plan.lr_patch * store.scale} pixels each way; "
            "expected larger images, or a smaller hr_patch in the recipe"
        )
    top = int(random.integers(height - plan.lr_patch + 1))
    left = int(random.integers(width - plan.lr_patch + 1))
    low, high = store.crop(index, top, left, plan.lr_patch, plan.lr_patch)
    flip = bool(plan.flips and random.integers(2))
    turns = int(random.integers(4)) if plan.rotations else 0
    return turned(low, flip, turns), turned(high, flip, turns)


def turned(image: Image, flip: bool, turns: int) -> Image:
    """`image` (H, W, 3) flipped left to right if `flip`, then turned anticlockwise `turns` times: a view."""
    return np.rot90(image[:, ::-1] if flip else image, turns)


_orders: dict[tuple[int, int, int], np.ndarray] = {}


def _order(seed: int, epoch: int, length: int) -> np.ndarray:
    key = (seed, epoch, length)
    if key not in _orders:
        if len(_orders) > 4:  # the current epoch and its neighbours are all that is asked for
            _orders.clear()
        _orders[key] = np.random.default_rng((seed, 0, epoch)).permutation(length)
    return _orders[key]


Batch = tuple[Tensor, Tensor]


class PatchBatches(Dataset["Batch | InputError"]):
    """Item [numbers]: the patches of these numbers as uint8 tensors (batch, H, W, 3), LR and HR.

    If an image cannot be read, the item is the InputError itself. An error that a loader process raises would
    arrive with its traceback as the message.
    """

    def __init__(self, store: PairStore, plan: PatchPlan) -> None:
        self.store, self.plan = store, plan

    def __getitem__(self, numbers: range) -> Batch | InputError:
        try:
            return self._cut(numbers)
        except InputError as error:
            return error

    def _cut(self, numbers: range) -> Batch:
        side, scale = self.plan.lr_patch, self.store.scale
        low = np.empty((len(numbers), side, side, 3), np.uint8)
        high = np.empty((len(numbers), side * scale, side * scale, 3), np.uint8)
        for place, number in enumerate(numbers):
            low[place], high[place] = patch(self.store, self.plan, number)
        return torch.from_numpy(low), torch.from_numpy(high)


@dataclass(frozen=True)
class BatchShare:
    """One process's part of every batch: process `rank` of `world`, `batch` patches over all of them."""

    batch: int
    rank: int = 0
    world: int = 1

    def numbers(self, step: int) -> range:
        """The numbers of the patches for this process at `step`. `world` must divide the batch."""
        own = self.batch // self.world
        start = step * self.batch + self.rank * own
        return range(start, start + own)


def loader(
    store: PairStore, plan: PatchPlan, share: BatchShare, *, first_step: int, steps: int, workers: int
) -> Iterator[Batch]:
    """Batches for the steps `first_step` to `steps`-1, in order, made ahead by `workers` processes.

    An image that cannot be read raises InputError when the turn of its batch comes.
    """
    numbers = [share.numbers(step) for step in range(first_step, steps)]
    batches: DataLoader[Batch | InputError] = DataLoader(
        PatchBatches(store, plan),
        sampler=numbers,  # a list of ranges: with batch_size None each is one item, a whole batch
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    return _sound(iter(batches))


def _sound(batches: Iterator[Batch | InputError]) -> Iterator[Batch]:
    for batch in batches:
        if isinstance(batch, InputError):
            raise batch
        yield batch


def to_float(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in 0..1."""
    return images.permute(0, 3, 1, 2).to(torch.float32) / 255
