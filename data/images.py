"""Reading, writing and cropping images. An image is a uint8 array, height x width x 3, RGB, 0 to 255.

Images are decoded as the NTIRE code decodes them (OpenCV, unchanged; grey becomes three equal channels;
EXIF orientation is ignored). What that code would quietly alter is refused instead: 16-bit samples, alpha
channels, damaged files.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import cv2
import numpy as np

from data.errors import InputError
from data.formats import (
    PNG_SIGNATURE,
    Damaged,
    Header,
    check_bytes,
    check_png,
    png_header,
    png_pixels,
    read_header,
)
from data.types import Image

# File names that count as images when a folder is listed: what OpenCV reads (8 bits, no video).
IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("png", "jpg", "jpeg", "jpe", "jp2", "bmp", "dib", "tif", "tiff", "webp"),
        *("ppm", "pgm", "pbm", "pnm", "pam", "gif", "avif", "sr", "ras"),
    )
)


# What a PNG may hold beside its pixels, such as a colour profile.
PNG_EXTRA_BYTES = 1 << 20


def read_rgb(path: str | Path) -> Image:
    """Reads an image file.

    Returns: uint8, height x width x 3, RGB; a grey image has three equal channels.
    Raises InputError, naming the file: missing, empty, not an image, truncated or corrupt, 16-bit, alpha.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not data:
        raise InputError(f"{path}: it is empty; expected an image file")
    try:
        header = check_bytes(data)
    except Damaged as reason:
        raise InputError(f"{path}: {reason}") from None
    if header is not None:
        _refuse_kind(path, header)
    return _decode(path, data)


def read_png(path: str | Path, height: int, width: int) -> Image:
    """Reads a stranger's image: a PNG of `height` x `width` pixels and nothing else.

    Nothing is decoded before its signature, size, depth and checksums were looked at, nothing larger is read than
    such a picture can need, and the decoder gets its pixels only, no colour profile, text or animation.
    Returns and raises as `read_rgb`, and InputError for another format or size.
    """
    most_bytes = 2 * height * (1 + 4 * width) + PNG_EXTRA_BYTES
    try:
        with open(path, "rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not data.startswith(PNG_SIGNATURE):
        raise InputError(f"{path}: is no PNG file; other formats are not accepted here")
    try:
        header = png_header(data)
        if (header.height, header.width) != (height, width):
            found = f"{header.width}x{header.height}"
            raise InputError(f"{path}: is {found}, expected {width}x{height}; nothing is resized")
        if len(data) > most_bytes:
            raise InputError(
                f"{path}: larger than {most_bytes} bytes, more than {width}x{height} pixels need"
            )
        _refuse_kind(path, check_png(data))
    except Damaged as reason:
        raise InputError(f"{path}: {reason}") from None
    return _decode(path, png_pixels(data))


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width of an image file in pixels, from its header where the format allows, else decoded.

    Raises InputError as `read_rgb` does, but pixels are not looked at: damage inside may go unnoticed here.
    """
    try:
        with open(path, "rb") as file:
            header = read_header(file)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Damaged as reason:
        raise InputError(f"{path}: {reason}") from None
    if header is None:
        height, width = read_rgb(path).shape[:2]
        return height, width
    _refuse_kind(path, header)
    return header.height, header.width


def write_png(path: str | Path, rgb: Image) -> None:
    """Writes an image as PNG: whole or not at all (temporary file beside it, then renamed).

    rgb: uint8, height x width x 3, RGB; it is not modified.
    Raises InputError: wrong array; folder missing or read-only, disk full (nothing is left behind).
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


def modcrop(img: Image, scale: int) -> Image:
    """Crops rows and columns at the lower right so that both are multiples of `scale`.

    img: height x width (x channels), any dtype. Returns a view of it, not a copy.
    """
    height, width = img.shape[:2]
    return img[: height - height % scale, : width - width % scale]


def _decode(path: str | Path, data: bytes) -> Image:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError(f"{path}: cannot be decoded: {error.err}") from None
    if decoded is None:
        raise InputError(f"{path}: not a complete image of a kind that OpenCV reads")
    if decoded.dtype != np.uint8:
        raise InputError(f"{path}: samples are {decoded.dtype}; expected 8 bits per sample (uint8)")
    if decoded.ndim == 2:
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_GRAY2RGB), np.uint8)
    if decoded.shape[2] == 4:
        raise InputError(f"{path}: it has an alpha channel; expected RGB or grey")
    if decoded.shape[2] != 3:
        raise InputError(f"{path}: it has {decoded.shape[2]} channels; expected RGB or grey")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _refuse_kind(path: str | Path, header: Header) -> None:
    if header.bits > 8:
        raise InputError(f"{path}: it has {header.bits} bits per sample; expected 8 bits")
    if header.alpha:
        raise InputError(f"{path}: it has an alpha channel ({header.alpha}); expected RGB or grey")
