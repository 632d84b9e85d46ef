"""The demo set: six colour photographs that come with scikit-image, and LR images made from them.

The photographs are part of the scikit-image package, so nothing is downloaded. The package is found but not imported,
which would take a second. Pairs are made once and kept in a cache folder.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

from data.bicubic import imresize
from data.errors import InputError
from data.images import modcrop, read_rgb, write_png
from data.pairs import ImagePair

# Public domain, CC0 or without known copyright restrictions, as the docstrings of `skimage.data` say.
PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "rocket.jpg",
)
# Part of the cache folder's name. Increase it if pixels change, so that older files are not used.
VERSION = 1


def demo_pairs(cache_dir: str | Path | None = None, scale: int = 4) -> list[ImagePair]:
    """The demo pairs, sorted by name: HR cropped to a multiple of `scale`, LR by `data.bicubic.imresize`.

    cache_dir: the folder in which the PNG files are made once. The default is `$XDG_CACHE_HOME` or `~/.cache`, or
    the system's temporary folder if that cannot be written. Several processes may make them at the same time.
    Raises InputError: scikit-image missing or without its photographs, or no folder that can be written.
    """
    photographs = photograph_folder()
    folder = _writable(cache_dir) / f"demo-v{VERSION}-x{scale}"
    return [_pair(photographs / name, folder, scale) for name in PHOTOGRAPHS]


def photograph_folder() -> Path:
    """The data folder of scikit-image. Raises InputError if the package or a photograph is missing."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise InputError("demo set: scikit-image is not installed; run pip install -r requirements.txt")
    folder = Path(spec.origin).parent / "data"
    for name in PHOTOGRAPHS:
        if not (folder / name).is_file():
            raise InputError(f"demo set: {folder / name} is missing; expected scikit-image as PyPI ships it")
    return folder


def _pair(photograph: Path, folder: Path, scale: int) -> ImagePair:
    name = photograph.stem
    pair = ImagePair(name, folder / "LR" / f"{name}x{scale}.png", folder / "HR" / f"{name}.png")
    if not (pair.hr.is_file() and pair.lr.is_file()):
        hr = modcrop(read_rgb(photograph), scale)
        for path, image in ((pair.hr, hr), (pair.lr, imresize(hr, 1 / scale))):
            _make_folder(path.parent)
            write_png(path, image)
    return pair


def _writable(cache_dir: str | Path | None) -> Path:
    if cache_dir is not None:
        return Path(cache_dir)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    preferred = Path(cache) / "super-resolution-harness"
    try:
        preferred.mkdir(parents=True, exist_ok=True)
    except OSError:
        preferred = Path()
    if preferred.name and os.access(preferred, os.W_OK):
        return preferred
    # One folder per user, because another user's folder could hold other images under the same names.
    return Path(tempfile.gettempdir()) / f"super-resolution-harness-{os.getuid()}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"demo set: {folder} cannot be made: {error.strerror or error}") from None
