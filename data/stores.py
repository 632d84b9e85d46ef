"""Training pairs to crop from: a folder of image files, or what `data.pack` packed.

A store gives aligned crops: the HR crop is exactly the part of the image that the LR crop shows. Each process opens
its files on first use, so a store can be handed to other processes.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import lmdb
import numpy as np

from data import datasets
from data.bicubic import imresize
from data.errors import InputError
from data.images import modcrop, read_rgb
from data.sources import PACKED, TrainingImage, is_packed, list_images
from data.types import Image

INDEX_KEY = b"__index__"
SETTINGS_KEY = b"__settings__"
# LR pixels around a crop. MATLAB's bicubic kernel sees 2 of them each way.
_MARGIN = 3


class PairStore(Protocol):
    """Images by number, 0 to len-1. Coordinates and sizes are low-resolution pixels.

    notes: what a user should know of the images, one sentence each.
    """

    scale: int
    notes: list[str]

    def __len__(self) -> int: ...

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of the LR image."""
        ...

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> tuple[Image, Image]:
        """The LR crop and its HR counterpart: uint8, height x width x 3, RGB, 0 to 255.

        They can be views of kept images. Copy them before you change them.
        """
        ...


def open_store(folder: Path, names: tuple[str, ...], scale: int) -> PairStore:
    """The pairs of the data sets `names` in `folder`, from what `data.pack` packed or from image files.

    Images of a plain folder, packed or not, stand for every name. Without names, everything packed is taken.
    Raises InputError: no images of a name, unknown name, other scale.
    """
    if is_packed(folder):
        return PackedPairs(folder, scale, names)
    images = list_images(folder, names, scale)
    return FolderPairs(images, scale, notes=datasets.notes([image.key for image in images], names))


class FolderPairs:
    """Pairs from image files, decoded whole on first use and kept up to `cache_mib` per process.

    If no LR image is stored, the LR crop is made from the HR crop and a margin. It equals, pixel for pixel, the
    same crop of the LR image made from the whole.
    """

    def __init__(
        self, images: list[TrainingImage], scale: int, cache_mib: int = 1024, notes: Sequence[str] = ()
    ) -> None:
        if not images:
            raise InputError("no training images found")
        self.images, self.scale, self.cache_mib, self.notes = images, scale, cache_mib, list(notes)
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
        above, before = min(top, _MARGIN), min(left, _MARGIN)
        below, after = min(rows - top - height, _MARGIN), min(columns - left - width, _MARGIN)
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
    """Pairs of the data sets `names` from an LMDB that `data.pack` wrote. Without names, all of its pairs.

    Of raw pixels, only those of the crop are read.
    """

    def __init__(self, folder: Path, scale: int, names: Sequence[str] = ()) -> None:
        self.folder, self.scale = folder, scale
        with self._begin() as transaction:
            settings, index = transaction.get(SETTINGS_KEY), transaction.get(INDEX_KEY)
            if settings is None or index is None:
                raise InputError(f"{folder}: packing it did not finish; run the same data.pack command again")
            self.settings = json.loads(bytes(settings))
            rows: list[tuple[str, int, int]] = [tuple(row) for row in json.loads(bytes(index))]
        self.index, self.notes = self._chosen(rows, names)
        if self.settings["scale"] != scale:
            raise InputError(f"{folder}: packed for scale {self.settings['scale']}, expected {scale}")

    def _chosen(
        self, rows: list[tuple[str, int, int]], names: Sequence[str]
    ) -> tuple[list[tuple[str, int, int]], list[str]]:
        """The rows of the index that `names` select, and the notes on them."""
        keys = [key for key, _, _ in rows]
        try:
            places = datasets.places_of(keys, names)
        except InputError as error:
            cure = f"pack into a new folder with --data {' '.join(names)}"
            raise InputError(f"{self.folder}: {error}; {cure}") from None
        return [rows[place] for place in places], datasets.notes([keys[place] for place in places], names)

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
    """The environment of `folder` in this process. LMDB allows no second one, nor one from before a fork.

    Raises InputError if there is none.
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
    """Close the packed `folder` in this process, so that it can be written to."""
    pid, env = _open.pop(str(folder.resolve()), (0, None))
    if env is not None and pid == os.getpid():
        env.close()


def read_pair(image: TrainingImage, scale: int) -> tuple[Image, Image | None]:
    """HR, cropped to a multiple of `scale`, and the stored LR image, if any.

    Both are uint8, height x width x 3, RGB, 0 to 255. Raises InputError if their sizes disagree.

    >>> import tempfile
    >>> from data.images import write_png
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(f"{folder}/a.png", np.zeros((9, 8, 3), np.uint8))
    ...     hr, lr = read_pair(TrainingImage("a.png", Path(folder, "a.png")), 4)
    >>> hr.shape, lr
    ((8, 8, 3), None)
    """
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
