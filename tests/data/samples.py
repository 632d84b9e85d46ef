"""Small image files of every format and variant, made here byte by byte or by Pillow and tifffile."""

from __future__ import annotations

import io
import struct
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image as pillow

HEIGHT, WIDTH = 48, 64
_RNG = np.random.default_rng(0)
_NOISE = cv2.GaussianBlur(_RNG.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), (0, 0), 2)
RGB = cv2.normalize(_NOISE, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
GREY = np.ascontiguousarray(RGB[..., 1])
GREY3 = np.repeat(GREY[..., None], 3, 2)
ONE_BIT = (GREY > 128).astype(np.uint8)
ONE_BIT3 = np.repeat(ONE_BIT[..., None] * np.uint8(255), 3, 2)
INDEX = _RNG.integers(0, 256, (HEIGHT, WIDTH), np.uint8)
PALETTE = _RNG.integers(0, 256, (256, 3), np.uint8)
RGBA = np.dstack([RGB, GREY])


def saved(image: Any, kind: str, **options: Any) -> bytes:
    """A file as Pillow writes it. `image` is a Pillow image or an array."""
    out = io.BytesIO()
    (pillow.fromarray(image) if isinstance(image, np.ndarray) else image).save(out, kind, **options)
    return out.getvalue()


def tiff(image: np.ndarray, photometric: str = "rgb", **options: Any) -> bytes:
    """A file as tifffile writes it."""
    out = io.BytesIO()
    tifffile.imwrite(out, image, photometric=photometric, **options)
    return out.getvalue()


def oriented(orientation: int, byteorder: Any = "<") -> bytes:
    """A TIFF of RGB with this orientation tag."""
    return tiff(RGB, byteorder=byteorder, extratags=[(274, "H", 1, orientation, False)])


def short_strip(compression: str) -> bytes:
    """A TIFF whose only strip is said to have half of its compressed bytes."""
    data = bytearray(saved(RGB, "TIFF", compression=compression))
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    struct.pack_into("<I", data, page.tags[279].valueoffset, page.databytecounts[0] // 2)  # type: ignore[union-attr]
    return bytes(data)


def bmp(
    bits: int,
    rows: bytes,
    compression: int = 0,
    masks: bytes = b"",
    palette: bytes = b"",
    header: int = 40,
    *,
    is_top_down: bool = False,
) -> bytes:
    """A BMP file. `rows` are as stored. `masks` follow the first 40 bytes of the header."""
    height = -HEIGHT if is_top_down else HEIGHT
    info = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(rows), 0, 0, 0, 0)
    body = info + masks.ljust(max(0, header - 40), b"\0") + palette
    begin = 14 + len(body)
    return b"BM" + struct.pack("<IHHI", begin + len(rows), 0, 0, begin) + body + rows


def rows(image: np.ndarray) -> bytes:
    """Rows from the last to the first, each filled up to a multiple of four bytes."""
    flat = image[::-1].reshape(image.shape[0], -1)
    return np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).tobytes()


BGR = RGB[..., ::-1]
BMP_PALETTE = np.hstack([PALETTE[:, ::-1], np.zeros((256, 1), np.uint8)]).tobytes()
INDEX4 = INDEX & 15
_NIBBLES = INDEX4[:, ::2] << 4 | INDEX4[:, 1::2]
RLE8 = b"".join(bytes([0, WIDTH]) + row.tobytes() + bytes(2) for row in INDEX[::-1]) + b"\0\1"
RLE4 = b"".join(bytes([0, WIDTH]) + row.tobytes() + bytes(2) for row in _NIBBLES[::-1]) + b"\0\1"
NIBBLES = rows(_NIBBLES)


def with_fourth(value: int | np.ndarray) -> bytes:
    """Rows of 32 bits per pixel with `value` in the fourth byte."""
    return rows(np.dstack([BGR, np.broadcast_to(np.asarray(value, np.uint8), (HEIGHT, WIDTH))]))


def os2_bmp() -> bytes:
    """A BMP with the header of 12 bytes."""
    return (
        b"BM" + struct.pack("<IHHIIHHHH", 26 + len(rows(BGR)), 0, 0, 26, 12, WIDTH, HEIGHT, 1, 24) + rows(BGR)
    )


def pnm(kind: int, pixels: bytes, largest: int | None = 255, comment: str = "") -> bytes:
    """A Netpbm file."""
    tail = "" if largest is None else f"{largest}\n"
    return f"P{kind}\n{comment}{WIDTH} {HEIGHT}\n{tail}".encode() + pixels


def text(samples: np.ndarray) -> bytes:
    return " ".join(map(str, samples.ravel())).encode()


def pam(depth: int, kind: str, largest: int, pixels: bytes) -> bytes:
    header = f"P7\nWIDTH {WIDTH}\nHEIGHT {HEIGHT}\nDEPTH {depth}\nMAXVAL {largest}\nTUPLTYPE {kind}\nENDHDR\n"
    return header.encode() + pixels


def sun(depth: int, pixels: bytes, kind: int = 1) -> bytes:
    return struct.pack(">8I", 0x59A66A95, WIDTH, HEIGHT, depth, len(pixels), kind, 0, 0) + pixels


def float_file(suffix: str) -> bytes:
    return cv2.imencode(suffix, BGR.astype(np.float32) / 255)[1].tobytes()


def short_scan(cut: int, **options: Any) -> bytes:
    """A JPEG that lacks the last `cut` bytes of its pixels, with its end-of-image marker."""
    data = saved(RGB, "JPEG", **options)
    return data[: -2 - cut] + data[-2:]


def lossy(kind: str, **options: Any) -> tuple[bytes, np.ndarray]:
    """A file as Pillow writes it, and the pixels as Pillow reads them."""
    data = saved(RGB, kind, **options)
    return data, np.asarray(pillow.open(io.BytesIO(data)).convert("RGB"))
