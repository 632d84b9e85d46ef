"""Training pairs to crop from: a folder of image files, or what `data.pack` packed.

A store gives aligned crops: the high-resolution crop is exactly the part of the image that the
low-resolution crop shows. Stores are opened lazily in each process, so they can be handed to workers.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any, Protocol

import cv2
import lmdb
import numpy as np

from data.bicubic import imresize
from data.errors import InputError
from data.images import Image, modcrop, read_rgb
from data.sources import PACKED, TrainingImage, is_packed, list_images

INDEX = b"__index__"
SETTINGS = b"__settings__"
# Low-resolution pixels around a crop that MATLAB's bicubic kernel (2 low-resolution pixels each way) can see.
MARGIN = 3


class PairStore(Protocol):
    """Images by number, 0 to len-1. Coordinates and sizes are low-resolution pixels."""

    scale: int

    def __len__(self) -> int: ...

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of the LR image."""
        ...

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> tuple[Image, Image]:
        """The LR crop and its HR counterpart, uint8; read-only, possibly views: copy before changing."""
        ...


def open_store(folder: Path, names: tuple[str, ...], scale: int) -> PairStore:
    """The store in `folder`: packed (holds everything that was packed, whatever `names`), or image files.

    Raises InputError when there are no images, or the packed ones have another scale.
    """
    if is_packed(folder):
        return PackedPairs(folder, scale)
    return FolderPairs(list_images(folder, names), scale)


class FolderPairs:
    """Pairs from image files, decoded whole on first use and kept up to `cache_mib` per process.

    Where no LR image is stored, the crop's is made from the HR crop and a margin: equal, pixel for pixel,
    to the same crop of the LR image made from the whole.
    """

    def __init__(self, images: list[TrainingImage], scale: int, cache_mib: int = 1024) -> None:
        if not images:
            raise InputError("no training images found")
        self.images, self.scale, self.cache_mib = images, scale, cache_mib
        self._cache: OrderedDict[int, tuple[Image, Image | None]] = OrderedDict()
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self.images)

    def size(self, index: int) -> tuple[int, int]:
        height, width = self._pair(index)[0].shape[:2]
        return height // self.scale, width // self.scale

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> tuple[Image, Image]:
        hr, lr = self._pair(index)
        high = _part(hr, self.scale, top, left, height, width)
        if lr is not None:
            return lr[top : top + height, left : left + width], high
        rows, columns = self.size(index)
        above, before = min(top, MARGIN), min(left, MARGIN)
        below, after = min(rows - top - height, MARGIN), min(columns - left - width, MARGIN)
        around = _part(
            hr, self.scale, top - above, left - before, height + above + below, width + before + after
        )
        low = imresize(around, 1 / self.scale)
        return low[above : above + height, before : before + width], high

    def _pair(self, index: int) -> tuple[Image, Image | None]:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        pair = read_pair(self.images[index], self.scale)
        self._cache[index] = pair
        self._cached_bytes += _bytes(pair)
        while self._cached_bytes > self.cache_mib << 20 and len(self._cache) > 1:
            self._cached_bytes -= _bytes(self._cache.popitem(last=False)[1])
        return pair

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_cache": OrderedDict(), "_cached_bytes": 0}


class PackedPairs:
    """Pairs from an LMDB that `data.pack` wrote. Raw pixels are read only where the crop lies."""

    def __init__(self, folder: Path, scale: int) -> None:
        self.folder, self.scale = folder, scale
        with self._begin() as transaction:
            settings, index = transaction.get(SETTINGS), transaction.get(INDEX)
            if settings is None or index is None:
                raise InputError(f"{folder}: packing it did not finish; run the same data.pack command again")
            self.settings = json.loads(bytes(settings))
            self.index: list[tuple[str, int, int]] = [tuple(row) for row in json.loads(bytes(index))]
        if self.settings["scale"] != scale:
            raise InputError(f"{folder}: packed for scale {self.settings['scale']}, expected {scale}")

    def __len__(self) -> int:
        return len(self.index)

    def size(self, index: int) -> tuple[int, int]:
        return self.index[index][1], self.index[index][2]

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> tuple[Image, Image]:
        key, rows, columns = self.index[index]
        with self._begin() as transaction:
            low = self._pixels(transaction.get(f"lr/{key}".encode()), rows, columns)
            high = self._pixels(
                transaction.get(f"hr/{key}".encode()), rows * self.scale, columns * self.scale
            )
            # copied here: the buffers belong to the transaction
            return (
                low[top : top + height, left : left + width].copy(),
                _part(high, self.scale, top, left, height, width).copy(),
            )

    def _pixels(self, stored: Any, height: int, width: int) -> Image:
        flat = np.frombuffer(stored, np.uint8)
        if self.settings["codec"] == "raw":
            return flat.reshape(height, width, 3)
        decoded = cv2.imdecode(flat, cv2.IMREAD_COLOR)
        if decoded is None:
            raise InputError(f"{self.folder}: holds a damaged image; pack it again into a new folder")
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)

    def _begin(self) -> lmdb.Transaction:
        return _environment(str(self.folder.resolve())).begin(buffers=True)


_open: dict[str, tuple[int, lmdb.Environment]] = {}


def _environment(folder: str) -> lmdb.Environment:
    """The environment of `folder` in this process: LMDB allows no second one, nor one from before a fork.

    Raises InputError where there is none.
    """
    pid, env = _open.get(folder, (0, None))
    if env is None or pid != os.getpid():
        if env is not None:
            env.close()  # inherited from the parent: unmaps it here only
        try:
            env = lmdb.open(folder, readonly=True, lock=False, readahead=False)
        except lmdb.Error as error:
            raise InputError(
                f"{folder}: its {PACKED} cannot be read ({error}); expected what data.pack wrote"
            ) from None
        _open[folder] = (os.getpid(), env)
    return env


def release(folder: Path) -> None:
    """Close what this process has open of the packed `folder`, so that it can be written to."""
    pid, env = _open.pop(str(folder.resolve()), (0, None))
    if env is not None and pid == os.getpid():
        env.close()


def read_pair(image: TrainingImage, scale: int) -> tuple[Image, Image | None]:
    """HR, cropped to a multiple of `scale`, and the stored LR image if any. InputError if sizes disagree."""
    hr = modcrop(read_rgb(image.hr), scale)
    if image.lr is None:
        return hr, None
    lr = read_rgb(image.lr)
    expected = (hr.shape[0] // scale, hr.shape[1] // scale)
    if lr.shape[:2] != expected:
        raise InputError(f"{image.lr}: is {lr.shape[:2]}, expected {expected} (1/{scale} of {image.hr})")
    return hr, lr


def _part(hr: Image, scale: int, top: int, left: int, height: int, width: int) -> Image:
    return hr[top * scale : (top + height) * scale, left * scale : (left + width) * scale]


def _bytes(pair: tuple[Image, Image | None]) -> int:
    return pair[0].nbytes + (0 if pair[1] is None else pair[1].nbytes)
