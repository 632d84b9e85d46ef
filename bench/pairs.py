"""Image pairs of the challenges' usual size (2040x1356) for benchmarks, made from the demo photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data import bicubic, demo
from data.images import read_rgb, write_png

HEIGHT, WIDTH, SCALE = 1356, 2040, 4


def make(folder: Path, count: int) -> tuple[Path, Path]:
    """Write `count` pairs below `folder` in the DIV2K_LSDIR layout; returns the HR and LR folders.

    Each HR image shows the demo photographs side by side, mirrored, in another order: real detail at full size,
    so that decoding a PNG costs what it costs in a challenge.
    """
    hr_dir, lr_dir = folder / "DIV2K_LSDIR_valid_HR", folder / "DIV2K_LSDIR_valid_LR"
    hr_dir.mkdir(parents=True, exist_ok=True)
    lr_dir.mkdir(exist_ok=True)
    photographs = [read_rgb(pair.hr) for pair in demo.demo_pairs()]
    for index in range(count):
        name = f"{index + 1:04d}"
        if (lr_dir / f"{name}x{SCALE}.png").exists():
            continue
        hr = _mosaic(photographs[index % len(photographs) :] + photographs[: index % len(photographs)])
        write_png(hr_dir / f"{name}.png", hr)
        write_png(lr_dir / f"{name}x{SCALE}.png", bicubic.imresize(hr, 1 / SCALE))
    return hr_dir, lr_dir


def _mosaic(photographs: list[np.ndarray]) -> np.ndarray:
    height = min(image.shape[0] for image in photographs)
    strip = np.concatenate([image[:height] for image in photographs], axis=1)
    strip = np.concatenate([strip, strip[:, ::-1]], axis=1)
    rows = [np.roll(strip, -index * 333, axis=1)[:, :WIDTH] for index in range(-(-HEIGHT // height))]
    rows = [row[::-1] if index % 2 else row for index, row in enumerate(rows)]
    return np.ascontiguousarray(np.concatenate(rows)[:HEIGHT])
