"""Training patches per second against BasicSR's paired dataset, and whether the loader starves MSN.

    python -m bench.loader IMAGES --basicsr PATH/TO/BasicSR

IMAGES is a folder of photographs. Both sides get the same sub-images (480 pixels, stride 240), cut here, as
each is meant to hold them: PNG files for BasicSR (its data preparation), an LMDB for this project. Each
makes float32 batches, RGB, channels first, with flips and rotations, in this one process and thread; they
take turns, so that a machine that changes speed meets both alike. Nothing of BasicSR is part of this
project: its dataset is imported from the checkout given, past package files that today's torch refuses.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from data import pack
from data.images import write_png
from data.sources import list_images
from data.stores import PairStore, open_store
from models.team28_MSN import MSN
from train.patches import BatchShare, PatchPlan, loader, to_float

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.loader", description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--basicsr", type=Path, help="checkout of https://github.com/XPixelGroup/BasicSR")
    parser.add_argument("--count", type=int, default=8, help="photographs to use")
    parser.add_argument("--patch", type=int, default=256, help="HR pixels")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        files = [image for image in list_images(options.images, ()) if image.hr.suffix in (".jpg", ".png")]
        pack.pack(files[: options.count], work / "packed", pack.Settings(crop=480, stride=240))
        store = open_store(work / "packed", (), 4)
        print(f"{len(store)} sub-images, patches of {options.patch}, batches of {BATCH}, one thread")
        if options.basicsr is not None:
            theirs = basicsr_batches(options.basicsr, as_png(store, work), options.patch)
            compare(own_batches(store, options.patch), theirs, options.rounds)
        starving(store)


def compare(own: Callable[[int], object], theirs: Callable[[int], object], rounds: int) -> None:
    """Print patches per second of both and their ratio, medians over `rounds` turns."""
    rates: dict[str, list[float]] = {"own": [], "BasicSR": []}
    for number in range(rounds + 1):  # the first, in which files enter the page cache, is not counted
        for name, make in (("own", own), ("BasicSR", theirs)):
            began = time.process_time()
            make(number)
            if number:
                rates[name].append(BATCH / (time.process_time() - began))
    ours, other = (statistics.median(rates[name]) for name in ("own", "BasicSR"))
    print(
        f"own {ours:.0f} patches/s, BasicSR {other:.0f} patches/s of processor time, ratio {ours / other:.1f}"
    )


def own_batches(store: PairStore, patch: int) -> Callable[[int], object]:
    """Makes batch `number` as training does, with the conversion to float that training does on its device."""

    def make(number: int) -> object:
        batches = loader(
            store, PatchPlan(patch // 4, 0), BatchShare(BATCH), first_step=number, steps=number + 1, workers=0
        )
        return [to_float(images).contiguous() for images in next(batches)]

    return make


def as_png(store: PairStore, work: Path) -> tuple[Path, Path]:
    """The sub-images of `store` as PNG files of equal names in an HR and an LR folder."""
    for name in ("HR", "LR"):
        (work / name).mkdir()
    for index in range(len(store)):
        low, high = store.crop(index, 0, 0, *store.size(index))
        write_png(work / f"HR/{index:05}.png", high)
        write_png(work / f"LR/{index:05}.png", low)
    return work / "HR", work / "LR"


def basicsr_batches(checkout: Path, folders: tuple[Path, Path], patch: int) -> Callable[[int], object]:
    """Makes a batch with BasicSR's own dataset and collation."""
    package = types.ModuleType("basicsr")
    package.__path__ = [str(checkout / "basicsr")]
    data = types.ModuleType("basicsr.data")
    data.__path__ = [str(checkout / "basicsr/data")]
    # The package files import everything, a removed torchvision module included: only the dataset is wanted.
    sys.modules |= {"basicsr": package, "basicsr.data": data}
    from basicsr.data.paired_image_dataset import PairedImageDataset

    options: dict[str, Any] = {
        "dataroot_gt": str(folders[0]),
        "dataroot_lq": str(folders[1]),
        "io_backend": {"type": "disk"},
        "gt_size": patch,
        "use_hflip": True,
        "use_rot": True,
        "scale": 4,
        "phase": "train",
    }
    dataset = PairedImageDataset(options)
    random = np.random.default_rng(0)

    def make(number: int) -> object:
        del number
        return torch.utils.data.default_collate(
            [dataset[int(random.integers(len(dataset)))] for _ in range(BATCH)]
        )

    return make


def starving(store: PairStore, batch: int = 64, patch: int = 384, workers: int = 2) -> None:
    """Compare what the loader makes with what MSN takes, at 64 patches of 384 pixels per step."""
    plan = PatchPlan(patch // 4, 0)
    batches = loader(store, plan, BatchShare(batch), first_step=0, steps=9, workers=workers)
    next(batches)  # starting the processes
    began = time.perf_counter()
    for _ in range(8):
        next(batches)
    made = 8 * batch / (time.perf_counter() - began)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    part = batch if device.type == "cuda" else 2
    if device.type == "cpu":
        torch.set_num_threads(os.cpu_count() or 1)
    model, low = MSN().to(device), torch.rand(part, 3, patch // 4, patch // 4, device=device)
    taken = statistics.median(_training_rate(model, low) for _ in range(3))
    print(
        f"loader with {workers} processes {made:.0f} patches/s; MSN on {device.type} takes {taken:.2f} patches/s "
        f"(steps of {part}): {made / taken:.0f} times what it needs"
    )


def _training_rate(model: torch.nn.Module, low: torch.Tensor) -> float:
    began = time.perf_counter()
    model(low).abs().mean().backward()
    if low.is_cuda:
        torch.cuda.synchronize()
    return len(low) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
