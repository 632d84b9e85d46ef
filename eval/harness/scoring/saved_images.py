"""Images that `--save_images` keeps: the SR images of each submission, and the LR and HR images beside them.

SR images are `SAVE_DIR/images/MODEL/SPLIT/NAME.png`. LR and HR images are `SAVE_DIR/images/HR|LR/SPLIT/NAME.png`,
once for all submissions. The parent writes them. `eval.harness.ground_truth` refuses a submission that could read
`images/HR`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.errors import InputError
from data.images import read_rgb, write_png
from data.pairs import ImagePair
from data.text import file_name
from data.types import Image

IMAGES = "images"
HR, LR = "HR", "LR"
# Called with SR and HR (cropped to a multiple of the scale), both uint8 HxWx3, while both are in memory.
Keep = Callable[[Image, Image], None]


def hr_folder(save_dir: Path) -> Path:
    """The folder of kept HR images."""
    return save_dir / IMAGES / HR


def sr_files(save_dir: Path, model: str, split: str, names: list[str]) -> list[Path]:
    """The kept SR images of a model, in the order of `names`; empty unless all of them are there."""
    folder = save_dir / IMAGES / file_name(model) / split
    files = [folder / f"{name}.png" for name in names]
    return files if all(path.is_file() for path in files) else []


def reserved(model: str) -> bool:
    """Whether SR images of `model` would land among HR or LR images, also on file systems that ignore case."""
    return file_name(model).upper() in (HR, LR)


class Pictures:
    """What one batch keeps. folder: `SAVE_DIR/images`; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._paired: set[tuple[str, str]] = set()

    def keeper(self, model: str, mode: str, pair: ImagePair) -> Keep | None:
        """A function that keeps the images of `pair` while `model` is scored; it may run in another thread.

        Both raise InputError if an image cannot be written.
        """
        if self._folder is None:
            return None
        # Each batch writes HR and LR again: the folder may hold images of the same names from other data.
        pair_too = (mode, pair.name) not in self._paired
        self._paired.add((mode, pair.name))
        sr, hr = self._target(model, mode, pair), self._target(HR, mode, pair)
        # Pairs without an LR image name the HR image twice.
        lr = self._target(LR, mode, pair) if pair.lr != pair.hr else None

        def keep(sr_image: Image, hr_image: Image) -> None:
            write_png(sr, sr_image)
            if pair_too:
                write_png(hr, hr_image)
            if pair_too and lr:
                write_png(lr, read_rgb(pair.lr))

        return keep

    def _target(self, kind: str, mode: str, pair: ImagePair) -> Path:
        assert self._folder is not None  # the caller's condition
        folder = self._folder / file_name(kind) / mode
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be made ({error.strerror or error})") from None
        return folder / f"{pair.name}.png"
