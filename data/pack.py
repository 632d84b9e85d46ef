"""Packs training images into an LMDB: `python -m data.pack FOLDER OUT`. Run again, it goes on where it was.

Pairs are stored decoded ("raw"), so that a training crop reads its own rows and no others. PNG is smaller but is
decoded whole for every crop. LR images are read if the data set ships them. Otherwise they are made as
MATLAB's imresize makes them. `--crop 480 --stride 240` cuts overlapping sub-images, as is customary. Raw whole
images, the default, need none of that. One transaction holds an image's pixels and the mark that it is done, so a
packing that is killed leaves nothing half-written. Keys carry the data set's name, so that training can select.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import lmdb
from rich.progress import track

from data import datasets
from data.bicubic import FACTORS, imresize
from data.errors import InputError
from data.sources import TrainingImage, list_images
from data.stores import INDEX_KEY, SETTINGS_KEY, read_pair, release
from data.types import Image

MAP_SIZE = 1 << 40  # address space, not disk. The file grows with its content.


@dataclass(frozen=True)
class Settings:
    """How images are packed. `crop` and `stride` are HR pixels. `crop` 0 keeps whole images."""

    scale: int = 4
    crop: int = 0
    stride: int = 240
    codec: str = "raw"


def pack(images: list[TrainingImage], out: Path, settings: Settings, workers: int = 2) -> int:
    """Pack `images` into the folder `out`, and return how many images or sub-images it then holds.

    Images that were packed before are skipped, if their size and time of change are the same.
    Raises InputError: an image that cannot be read, impossible settings, or a folder that was packed with others
    or cannot be written.
    """
    _check(settings, workers)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {error.strerror or error}") from None
    release(out)
    try:
        return _pack(images, out, settings, workers)
    except lmdb.Error as error:
        raise InputError(
            f"{out}: cannot be packed into: {error}; expected a folder that is new or was packed before"
        ) from None


def _check(settings: Settings, workers: int) -> None:
    scale, crop, stride = settings.scale, settings.crop, settings.stride
    if scale not in FACTORS:
        raise InputError(f"--scale {scale}: expected one of {', '.join(map(str, FACTORS))}")
    if crop % scale or crop < 0 or stride % scale or stride < 1:
        raise InputError(f"--crop {crop} --stride {stride}: expected multiples of the scale")
    if workers < 1:
        raise InputError(f"--workers {workers}: expected 1 or more")


def _pack(images: list[TrainingImage], out: Path, settings: Settings, workers: int) -> int:
    env = lmdb.open(str(out), map_size=MAP_SIZE)
    try:
        _claim(env, out, settings)
        todo = [image for image in images if not _done(env, image)]
        with ThreadPoolExecutor(workers) as pool:
            # In slices, because decoded images must not pile up ahead of the one thread that writes.
            for start in track(range(0, len(todo), 4 * workers), "packing", disable=not sys.stderr.isatty()):
                slice_ = todo[start : start + 4 * workers]
                for image, parts in zip(slice_, pool.map(lambda i: _parts(i, settings), slice_), strict=True):
                    _store(env, image, parts)
        return _write_index(env, images)
    finally:
        env.close()


def positions(length: int, crop: int, stride: int, scale: int) -> list[int]:
    """Where sub-images of `crop` start along `length` pixels: every `stride`, and one at the end.

    `crop` 0 is the whole length.

    >>> positions(1000, 480, 240, 4)
    [0, 240, 480, 520]
    """
    if crop == 0 or length <= crop:
        return [0]
    starts = list(range(0, length - crop + 1, stride))
    last = (length - crop) // scale * scale
    return starts if starts[-1] == last else [*starts, last]


SubImage = tuple[str, int, int, bytes, bytes]  # suffix of the key, LR height and width, LR and HR pixels


def _parts(image: TrainingImage, settings: Settings) -> list[SubImage]:
    scale = settings.scale
    hr, stored = read_pair(image, scale)
    if 0 in hr.shape:
        raise InputError(f"{image.hr}: smaller than {scale}x{scale} pixels; expected at least one LR pixel")
    lr = imresize(hr, 1 / scale) if stored is None else stored
    return list(_cut(lr, hr, settings))


def _cut(lr: Image, hr: Image, settings: Settings) -> Iterator[SubImage]:
    scale, crop = settings.scale, settings.crop
    for top in positions(hr.shape[0], crop, settings.stride, scale):
        for left in positions(hr.shape[1], crop, settings.stride, scale):
            bottom, right = (top + crop, left + crop) if crop else hr.shape[:2]
            high = hr[top:bottom, left:right]
            low = lr[top // scale : bottom // scale, left // scale : right // scale]
            suffix = f"@{top},{left}" if crop else ""
            yield suffix, *low.shape[:2], _encode(low, settings.codec), _encode(high, settings.codec)


def _encode(image: Image, codec: str) -> bytes:
    if codec == "raw":
        return image.tobytes()
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def _stamp(image: TrainingImage) -> list[list[int]]:
    paths = [image.hr] if image.lr is None else [image.hr, image.lr]
    return [[status.st_size, status.st_mtime_ns] for status in map(os.stat, paths)]


def _claim(env: lmdb.Environment, out: Path, settings: Settings) -> None:
    with env.begin(write=True) as transaction:
        stored = transaction.get(SETTINGS_KEY)
        if stored is None:
            transaction.put(SETTINGS_KEY, json.dumps(asdict(settings)).encode())
        elif json.loads(stored) != asdict(settings):
            raise InputError(f"{out}: was packed with {json.loads(stored)}, expected {asdict(settings)}")


def _done(env: lmdb.Environment, image: TrainingImage) -> bool:
    with env.begin() as transaction:
        stored = transaction.get(f"done/{image.key}".encode())
        return stored is not None and json.loads(stored)["stamp"] == _stamp(image)


def _store(env: lmdb.Environment, image: TrainingImage, parts: list[SubImage]) -> None:
    rows = [[f"{image.key}{suffix}", height, width] for suffix, height, width, _, _ in parts]
    with env.begin(write=True) as transaction:
        for (key, _, _), (_, _, _, low, high) in zip(rows, parts, strict=True):
            transaction.put(f"lr/{key}".encode(), low)
            transaction.put(f"hr/{key}".encode(), high)
        done = {"stamp": _stamp(image), "rows": rows}
        transaction.put(f"done/{image.key}".encode(), json.dumps(done).encode())


def _write_index(env: lmdb.Environment, images: list[TrainingImage]) -> int:
    with env.begin(write=True) as transaction:
        rows: list[list[object]] = []
        for image in images:
            rows += json.loads(bytes(transaction.get(f"done/{image.key}".encode()) or b"{}"))["rows"]
        transaction.put(INDEX_KEY, json.dumps(rows).encode())
    return len(rows)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m data.pack",
        description=__doc__.split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    p.add_argument("folder", type=Path, help="data folder (see data/sources.toml) or folder of images")
    p.add_argument("out", type=Path, help="folder that receives the LMDB")
    p.add_argument("--data", nargs="+", default=["DIV2K"], metavar="NAME", help="data sets to pack")
    p.add_argument("--scale", type=int, default=4, help="factor")
    p.add_argument("--crop", type=int, default=0, help="size of sub-images, HR pixels; 0: whole images")
    p.add_argument("--stride", type=int, default=240, help="between sub-images, HR pixels")
    p.add_argument("--codec", choices=("raw", "png"), default="raw", help="how pixels are kept")
    p.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="threads")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, or 2 for wrong input."""
    options = parser().parse_args(arguments)
    settings = Settings(options.scale, options.crop, options.stride, options.codec)
    try:
        images = list_images(options.folder, options.data, settings.scale)
        count = pack(images, options.out, settings, options.workers)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        "\n".join([f"{options.out}: {count} images", *datasets.notes([i.key for i in images], options.data)])
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
