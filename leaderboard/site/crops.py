"""Pictures for the site: one small window per image and entry, with a size that can be promised.

Read from `SAVE_DIR/images/MODEL/MODE/NAME.png` (SR) and `SAVE_DIR/images/HR|LR/MODE/NAME.png`, which an
evaluation with
`--save_images` writes; every folder may be missing. Rule: at most MAX_IMAGES images, those on which PSNR
differs most
between entries; of each the one SIDE x SIDE window in which the entries are furthest from HR (without HR:
from each
other). SR windows are WebP of the highest quality that fits MAX_BYTES; HR and LR are lossless. 100 entries x
200 images
then take at most 100 * 200 * 13,000 B + 200 * 82,000 B = 277 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_IMAGES = 200
SIDE = 160
MAX_BYTES = 13_000
QUALITIES = (95, 90, 85, 80, 70, 60, 45, 30, 15, 5, 1)
RULE = (
    f"The {SIDE}×{SIDE} window in which entries are furthest from HR; "
    f"WebP of at most {MAX_BYTES // 1000} kB, HR and LR lossless."
)

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Crop:
    """What is stored of one image: ids of entries, and whether HR and LR are there."""

    models: list[str]
    hr: bool
    lr: bool


def has_images(save_dir: Path) -> bool:
    return (save_dir / "images").is_dir()


def write(save_dir: Path, out: Path, mode: str, name: str, models: dict[str, str], scale: int) -> Crop | None:
    """Store the window of image `name` of `mode` under `out`; `models` maps ids to result names.

    Images of another size than most are left out. Returns None where no entry's picture is there.
    """
    images = {
        key: image
        for key, model in models.items()
        if (image := _read(save_dir / "images" / model / mode / f"{name}.png")) is not None
    }
    if not images:
        return None
    hr, lr = (_read(save_dir / "images" / kind / mode / f"{name}.png") for kind in ("HR", "LR"))
    shapes = [image.shape for image in images.values()]
    shape = max(set(shapes), key=shapes.count)
    images = {key: image for key, image in images.items() if image.shape == shape}
    if hr is not None:
        hr = hr[: shape[0], : shape[1]]
        hr = hr if hr.shape == shape else None
    top, left = window(list(images.values()), hr, scale)
    out.mkdir(parents=True, exist_ok=True)
    for key, image in images.items():
        (out / f"{key}.webp").write_bytes(_lossy(image[top : top + SIDE, left : left + SIDE]))
    if hr is not None:
        (out / "_hr.webp").write_bytes(_encode(hr[top : top + SIDE, left : left + SIDE], 101))
    if lr is not None:
        part = lr[top // scale : (top + SIDE) // scale, left // scale : (left + SIDE) // scale]
        (out / "_lr.webp").write_bytes(_encode(part, 101))
    return Crop(sorted(images), hr is not None, lr is not None)


def window(images: list[Image], hr: Image | None, scale: int) -> tuple[int, int]:
    """Top left corner, a multiple of `scale`, of the window with the largest error summed over images.

    Images are HxWx3 uint8 of equal size. The error is the mean absolute difference to `hr`, without it the
    spread
    over the images (of a single one: its contrast).
    """
    height, width = images[0].shape[:2]
    error = np.zeros((height, width), np.float32)
    stack = [hr] if hr is not None else [np.median(np.stack(images), axis=0).astype(np.uint8)]
    for image in images:
        error += cv2.absdiff(image, stack[0]).mean(axis=2, dtype=np.float32)
    if not error.any():
        error = cv2.Laplacian(images[0], cv2.CV_32F).__abs__().mean(axis=2)
    side_y, side_x = min(SIDE, height), min(SIDE, width)
    # cv2.integral gives sums over any rectangle in four look-ups.
    total = cv2.integral(error.astype(np.float64))
    tops = np.arange(0, height - side_y + 1, scale)
    lefts = np.arange(0, width - side_x + 1, scale)
    sums = (
        total[np.ix_(tops + side_y, lefts + side_x)]
        - total[np.ix_(tops, lefts + side_x)]
        - total[np.ix_(tops + side_y, lefts)]
        + total[np.ix_(tops, lefts)]
    )
    best = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return int(tops[best[0]]), int(lefts[best[1]])


def _read(path: Path) -> Image | None:
    """HxWx3 uint8 in cv2's BGR order, which its encoder takes back; None where the file is missing or
    damaged.
    """
    if not path.is_file():
        return None
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)


def _lossy(image: Image) -> bytes:
    for quality in QUALITIES:
        data = _encode(image, quality)
        if len(data) <= MAX_BYTES:
            return data
    # Noise that even the lowest quality does not shrink: half the detail, so that the promise on size holds.
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return _encode(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), 1)


def _encode(image: NDArray[Any], quality: int) -> bytes:
    """WebP; a quality above 100 is lossless."""
    good, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not good:  # pragma: no cover - cv2 encodes every uint8 array
        raise ValueError("the WebP encoder failed")
    return bytes(data)
