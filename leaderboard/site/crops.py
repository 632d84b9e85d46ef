"""Pictures for the site: one small window per image and entry, with a size that can be promised.

Read from `SAVE_DIR/images/MODEL/MODE/NAME.png` (SR) and `SAVE_DIR/images/HR|LR/MODE/NAME.png`, which an evaluation
with `--save_images` writes; every folder may be missing. Rule: at most MAX_IMAGES images, those on which PSNR differs
most between entries; of each the one SIDE x SIDE window in which reducing HR by the scale loses most detail, so that
it depends on no entry (without HR: the same of the first entry's picture). SR windows are WebP of the highest quality
that fits MAX_WEBP_BYTES; HR and LR are lossless. 100 entries x 200 images then take at most 100 * 200 * 13,000 B
+ 200 * 82,000 B = 277 MB.

A picture is shown only where its PSNR is the one in the record: the folder may hold those of an earlier checkpoint or
of other images with the same names. What was stored before is not read again until its file changes.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data.text import file_name
from data.types import Image
from eval.metrics.psnr import psnr

MAX_IMAGES = 200
SIDE = 160
MAX_WEBP_BYTES = 13_000
QUALITIES = (95, 90, 85, 80, 70, 60, 45, 30, 15, 5, 1)
LOSSLESS = 101
PSNR_TOLERANCE_DB = 0.01
STORED_INDEX = "_stored.json"
RULE = (
    f"The {SIDE}×{SIDE} window in which the reduction to LR loses most detail; WebP of at most "
    f"{MAX_WEBP_BYTES // 1000} kB, HR and LR lossless."
)


@dataclass(frozen=True)
class PictureSource:
    """Where the pictures of one image lie; `models` maps an entry's id to its results name and PSNR (NaN: unknown)."""

    save_dir: Path
    split: str
    name: str
    models: dict[str, tuple[str, float]]
    scale: int
    border: int

    def path(self, kind: str) -> Path:
        return self.save_dir / "images" / file_name(kind) / self.split / f"{self.name}.png"


@dataclass(frozen=True)
class Crop:
    """What is stored of one image. models: ids of entries; refused: ids whose picture does not fit their record."""

    models: list[str]
    hr: bool
    lr: bool
    refused: list[str]


@dataclass
class Stored:
    """What lies in a crop's folder and which files it came from, by their size and time of change."""

    window: tuple[int, int] = (0, 0)
    shape: list[int] = field(default_factory=list)
    references: dict[str, list[int]] = field(default_factory=dict)
    shown: dict[str, list[Any]] = field(default_factory=dict)
    refused: dict[str, list[Any]] = field(default_factory=dict)


def has_images(save_dir: Path) -> bool:
    return (save_dir / "images").is_dir()


def remove_others(folder: Path, kept: set[str]) -> None:
    """Delete the crops of images that an earlier build into the same folder kept: the promise on size is for all."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in kept and (path / STORED_INDEX).is_file():
            shutil.rmtree(path)


def store_window(source: PictureSource, out: Path) -> Crop | None:
    """Store the window of one image under `out`. None if no entry's picture is there.

    Pictures of another size than HR (without HR: than the first one) are left out. Raises OSError.
    """
    stamps = {
        key: [*stamp, model, str(recorded)]
        for key, (model, recorded) in source.models.items()
        if (stamp := _stamp(source.path(model)))
    }
    if not stamps:
        return None
    basis = "HR" if _stamp(source.path("HR")) else source.models[next(iter(stamps))][0]
    references = {kind: _stamp(source.path(kind)) for kind in dict.fromkeys(("HR", "LR", basis))}
    stored, hr = _stored(out), None
    if stored is None or stored.references != references:
        stored, hr = _afresh(source, out, basis, references)
    for key, stamp in {**stored.shown, **stored.refused}.items():
        if stamps.get(key) != stamp:
            stored.shown.pop(key, None)
            stored.refused.pop(key, None)
            (out / f"{key}.webp").unlink(missing_ok=True)
    new = [key for key in stamps if key not in stored.shown and key not in stored.refused]
    if new and basis == "HR" and hr is None:
        hr = _read(source.path("HR"), source.scale)
    for key in new:
        image = _read(source.path(source.models[key][0]))
        if image is None or list(image.shape) != stored.shape or not _is_of(source, key, image, hr):
            stored.refused[key] = stamps[key]
            continue
        (out / f"{key}.webp").write_bytes(_lossy(_cut(image, stored.window)))
        stored.shown[key] = stamps[key]
    (out / STORED_INDEX).write_text(json.dumps(asdict(stored)), encoding="utf-8")
    hr_there, lr_there = ((out / f"_{kind}.webp").is_file() for kind in ("hr", "lr"))
    return Crop(sorted(stored.shown), hr_there, lr_there, sorted(stored.refused))


def window(image: Image, scale: int) -> tuple[int, int]:
    """Top left corner (row, column) of the window that loses most if `image` is reduced; multiples of `scale`.

    image: height x width x 3, uint8. The loss is the mean absolute difference to the image averaged over
    scale x scale and enlarged bicubically.
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(width // scale, 1), max(height // scale, 1)), interpolation=cv2.INTER_AREA)
    lost = cv2.absdiff(image, cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
    side_y, side_x = min(SIDE, height), min(SIDE, width)
    # cv2.integral gives sums over any rectangle in four look-ups.
    total = cv2.integral(lost.mean(axis=2, dtype=np.float64))
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


def psnr_db(first: Image, second: Image, border: int) -> float:
    """PSNR inside the border, as the harness measures it.

    first, second: height x width x 3, uint8, of equal shape and order of channels.
    """
    return psnr(first, second, border)


def _afresh(
    source: PictureSource, out: Path, basis: str, references: dict[str, list[int]]
) -> tuple[Stored, Image | None]:
    """Choose the window and store HR and LR. Also returns HR if it is there, since decoding takes long."""
    out.mkdir(parents=True, exist_ok=True)
    for path in out.glob("*.webp"):
        path.unlink()
    image = _read(source.path(basis), source.scale)
    if image is None:
        return Stored(references=references), None
    stored = Stored(window(image, source.scale), list(image.shape), references)
    if basis == "HR":
        (out / "_hr.webp").write_bytes(_encode(_cut(image, stored.window), LOSSLESS))
    lr = _read(source.path("LR"))
    if lr is not None and lr.shape[:2] == tuple(side // source.scale for side in image.shape[:2]):
        top, left = (place // source.scale for place in stored.window)
        side = SIDE // source.scale
        (out / "_lr.webp").write_bytes(_encode(lr[top : top + side, left : left + side], LOSSLESS))
    return stored, image if basis == "HR" else None


def _stored(out: Path) -> Stored | None:
    try:
        content = json.loads((out / STORED_INDEX).read_text(encoding="utf-8"))
        top, left = content["window"]
        return Stored((top, left), *(content[name] for name in ("shape", "references", "shown", "refused")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_of(source: PictureSource, key: str, image: Image, hr: Image | None) -> bool:
    """Whether the record of entry `key` scored `image`; taken for granted if that cannot be known."""
    recorded = source.models[key][1]
    if hr is None or math.isnan(recorded):
        return True
    found = psnr_db(image, hr, source.border)
    return found == recorded or abs(found - recorded) <= PSNR_TOLERANCE_DB


def _cut(image: Image, place: tuple[int, int]) -> Image:
    top, left = place
    return image[top : top + SIDE, left : left + SIDE]


def _stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _read(path: Path, multiple: int = 1) -> Image | None:
    """The image, cut to multiples of `multiple`: height x width x 3, uint8, BGR. None if it is missing or damaged."""
    if not path.is_file():
        return None
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        return None
    height, width = image.shape[:2]
    return np.asarray(image[: height - height % multiple, : width - width % multiple], np.uint8)


def _lossy(image: Image) -> bytes:
    for quality in QUALITIES:
        data = _encode(image, quality)
        if len(data) <= MAX_WEBP_BYTES:
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
