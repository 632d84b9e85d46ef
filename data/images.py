"""Reading, writing and cropping images. An image is a uint8 array, height x width x 3, RGB, 0 to 255.

Images are decoded as the NTIRE code decodes them, by OpenCV. Grey becomes three equal channels, and an orientation
tag is ignored. Files that this would alter in silence are refused: 16-bit samples, alpha channels, damaged files,
and the variants that `data.formats` names.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from data.errors import InputError
from data.formats import Damaged, Header, find_format, read_header
from data.formats.header import CURE, broken
from data.formats.png import PNG_SIGNATURE, check_png, png_header, png_pixels
from data.types import Image

# File names that count as images when a folder is listed.
IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("png", "jpg", "jpeg", "jpe", "jp2", "bmp", "dib", "tif", "tiff", "webp"),
        *("ppm", "pgm", "pbm", "pnm", "pam", "gif", "avif", "sr", "ras"),
    )
)


# Bytes that a PNG may hold beside its pixels, such as a colour profile.
PNG_EXTRA_BYTES = 1 << 20


def read_rgb(path: str | Path) -> Image:
    """Read an image file: uint8, height x width x 3, RGB, 0 to 255. A grey image has three equal channels.

    Raises InputError, naming the file: missing, empty, not an image, truncated or corrupt, 16-bit, alpha, or of a
    variant that cannot be read exactly.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(f"{folder}/red.png", np.array([[[255, 0, 0]]], np.uint8))
    ...     read_rgb(f"{folder}/red.png").tolist()
    [[[255, 0, 0]]]
    """
    with _named(path):
        data = Path(path).read_bytes()
        kind = find_format(data)
        header = kind.check(data)
        if header is not None:
            _refuse_kind(path, header)
        image = _decode(path, kind.pixels(data))
        if header is not None and image.shape[:2] != (header.height, header.width):
            found = f"{image.shape[1]}x{image.shape[0]}"
            raise broken(
                f"it is corrupt: its header says {header.width}x{header.height}, its pixels are {found}"
            )
        return image


def read_png(path: str | Path, height: int, width: int) -> Image:
    """Read an untrusted image: a PNG of `height` x `width` pixels and nothing else.

    Returns uint8, height x width x 3, RGB, 0 to 255. Signature, size, depth and checksums are checked before
    anything is decoded. No more is read than such a picture can need. The decoder gets its pixels only.
    Raises InputError as `read_rgb` does, and for another format or size.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(f"{folder}/black.png", np.zeros((2, 5, 3), np.uint8))
    ...     read_png(f"{folder}/black.png", 2, 5).shape
    (2, 5, 3)
    """
    most_bytes = 2 * height * (1 + 4 * width) + PNG_EXTRA_BYTES
    with _named(path):
        with open(path, "rb") as file:
            data = file.read(most_bytes + 1)
        if not data.startswith(PNG_SIGNATURE):
            raise Damaged("is no PNG file; other formats are not accepted here")
        header = png_header(data)
        if (header.height, header.width) != (height, width):
            raise Damaged(f"is {header.width}x{header.height}, expected {width}x{height}; nothing is resized")
        if len(data) > most_bytes:
            raise Damaged(f"larger than {most_bytes} bytes, more than {width}x{height} pixels need")
        _refuse_kind(path, check_png(data))
        return _decode(path, png_pixels(data))


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width of an image file in pixels. The file is decoded only if its header does not tell.

    Raises InputError as `read_rgb` does. Pixels are not looked at, so damage inside them is not noticed here.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(f"{folder}/black.png", np.zeros((2, 5, 3), np.uint8))
    ...     image_size(f"{folder}/black.png")
    (2, 5)
    """
    with _named(path), open(path, "rb") as file:
        header = read_header(file)
    if header is None:
        height, width = read_rgb(path).shape[:2]
        return height, width
    _refuse_kind(path, header)
    return header.height, header.width


def write_png(path: str | Path, rgb: Image) -> None:
    """Write an image as PNG, whole or not at all: a temporary file beside it is renamed.

    rgb: uint8, height x width x 3, RGB, 0 to 255. It is not modified.
    Raises InputError: wrong array, folder missing or read-only, disk full. Nothing is left behind then.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(f"{folder}/white.png", np.full((2, 5, 3), 255, np.uint8))
    ...     os.listdir(folder)
    ['white.png']
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise InputError(f"{path}: expected uint8, height x width x 3, found {rgb.dtype} {rgb.shape}")
    _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_bytes(encoded.tobytes())
        os.replace(temporary, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def pixel_sha256(rgb: Image) -> str:
    """The sha256 of an image's shape and pixels. Two images have the same one if all their pixels are equal.

    rgb: uint8, height x width x 3, RGB, 0 to 255. Its layout in memory does not matter.

    >>> pixel_sha256(np.zeros((2, 5, 3), np.uint8)) == pixel_sha256(np.zeros((5, 2, 3), np.uint8))
    False
    """
    digest = hashlib.sha256(f"{rgb.dtype} {rgb.shape}\n".encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def modcrop(img: Image, scale: int) -> Image:
    """Crop at the right and at the bottom, so that height and width are multiples of `scale`.

    img: uint8, height x width or height x width x channels, 0 to 255. Returns a view of it, not a copy.

    >>> modcrop(np.zeros((11, 18, 3), np.uint8), 4).shape
    (8, 16, 3)
    """
    height, width = img.shape[:2]
    return img[: height - height % scale, : width - width % scale]


@contextlib.contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Turns what goes wrong with a file into an InputError that names it."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Damaged as reason:
        raise InputError(f"{path}: {reason}") from None


def _decode(path: str | Path, data: bytes) -> Image:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError(f"{path}: cannot be decoded: {error.err}; {CURE}") from None
    if decoded is None:
        raise InputError(f"{path}: not a complete image of a kind that OpenCV reads; {CURE}")
    if decoded.dtype != np.uint8:
        raise InputError(f"{path}: samples are {decoded.dtype}; expected 8 bits per sample (uint8); {CURE}")
    if decoded.ndim == 2:
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_GRAY2RGB), np.uint8)
    if decoded.shape[2] == 4:
        raise InputError(f"{path}: it has an alpha channel; expected RGB or grey; {CURE}")
    if decoded.shape[2] != 3:
        raise InputError(f"{path}: it has {decoded.shape[2]} channels; expected RGB or grey; {CURE}")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _refuse_kind(path: str | Path, header: Header) -> None:
    if header.bits > 8:
        raise InputError(f"{path}: it has {header.bits} bits per sample; expected 8 bits; {CURE}")
    if header.alpha:
        raise InputError(f"{path}: it has an alpha channel ({header.alpha}); expected RGB or grey; {CURE}")
