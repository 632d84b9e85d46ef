"""Pictures that `--save_images` keeps: each submission's SR images, and LR and HR of the images it was scored on.

They lie in `SAVE_DIR/images/MODEL/MODE/NAME.png`, and in `SAVE_DIR/images/HR|LR/MODE/NAME.png` once for all
submissions. The parent writes them; `eval.secrecy` refuses submissions from whose view `images/HR` can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.errors import InputError
from data.images import read_rgb, write_png
from data.pairs import ImagePair
from data.types import Image

IMAGES = "images"
HR, LR = "HR", "LR"
# Called with SR and HR (cut to a multiple of the scale), uint8 HxWx3, where both are in memory to be scored.
Keep = Callable[[Image, Image], None]


def hr_folder(save_dir: Path) -> Path:
    return save_dir / IMAGES / HR


def reserved(model: str) -> bool:
    """Whether SR images of `model` would land among HR or LR images (also where case is not told apart)."""
    return model.upper() in (HR, LR)


class Pictures:
    """What one batch keeps; `folder` is `SAVE_DIR/images`, None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._paired: set[tuple[str, str]] = set()

    def keeper(self, model: str, mode: str, pair: ImagePair) -> Keep | None:
        """What to do with the images of `pair` while `model` is scored; may run in another thread.

        Both raise InputError where a picture cannot be written.
        """
        if self._folder is None:
            return None
        # Each batch writes HR and LR anew: the folder may hold images of the same names from other data.
        pair_too = (mode, pair.name) not in self._paired
        self._paired.add((mode, pair.name))
        sr, hr = self._target(model, mode, pair), self._target(HR, mode, pair)
        # Results alone are judged without LR images: their pairs name the HR image twice.
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
        folder = self._folder / kind / mode
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be made ({error.strerror or error})") from None
        return folder / f"{pair.name}.png"
