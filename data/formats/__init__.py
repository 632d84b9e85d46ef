"""Image files before they are decoded: what is accepted, read from the bytes alone.

OpenCV's decoders fill in what a damaged file lacks, turn what an orientation tag says, and misread some variants.
An SR image that is scored against such a picture has a wrong but plausible PSNR. Each format therefore has a check
that accepts the variants which OpenCV decodes exactly. Everything else is refused with the reason and the cure.

Functions raise `Damaged` with the reason only. The caller adds the file's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from data.formats import bmp, containers, jpeg, png, pnm, tiff
from data.formats.header import CURE, Damaged, Header, unsupported

__all__ = ["Damaged", "Format", "Header", "find_format", "read_header"]

# The first bytes that tell the format.
_HEAD_BYTES = 16


def _same(data: bytes) -> bytes:
    return data


@dataclass(frozen=True)
class Format:
    """How files of one format are checked.

    check: the header of a whole file, or None if only the decoder can tell the size.
    pixels: what the decoder is given of a file that `check` accepted. It looks at the pixels too.
    """

    name: str
    check: Callable[[bytes], Header | None]
    pixels: Callable[[bytes], bytes] = _same


_PNG = Format("PNG", png.check_png, png.png_pixels)
_BY_SIGNATURE: dict[bytes, Format] = {
    png.PNG_SIGNATURE: _PNG,
    jpeg.JPEG_SIGNATURE: Format("JPEG", jpeg.check_jpeg, jpeg.jpeg_pixels),
    bmp.BMP_SIGNATURE: Format("BMP", bmp.check_bmp),
    **dict.fromkeys(pnm.PNM_SIGNATURES, Format("PBM/PGM/PPM", pnm.check_pnm)),
    **dict.fromkeys(tiff.TIFF_SIGNATURES, Format("TIFF", tiff.check_tiff, tiff.tiff_pixels)),
    **dict.fromkeys(containers.GIF_SIGNATURES, Format("GIF", containers.check_gif)),
    **dict.fromkeys(containers.JPEG_2000_SIGNATURES, Format("JPEG 2000", containers.check_jpeg_2000)),
}
# Formats that OpenCV reads in part only, or with wrong colours, or not as 8 bits.
_REFUSED = {
    b"P2": "a plain-text PGM",
    b"P3": "a plain-text PPM",
    b"P7": "a PAM file",
    b"PF": "a PFM file",
    b"Pf": "a PFM file",
    b"Y\xa6j\x95": "a Sun raster file",
    b"#?": "a Radiance HDR file",
    b"v/1\x01": "an OpenEXR file",
    b"\xff\n": "a JPEG XL file",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL file",
}


def find_format(head: bytes) -> Format:
    """The format of a file by its first bytes. Raises Damaged if it is none that is accepted.

    >>> find_format(b"BM......").name
    'BMP'
    """
    if not head:
        raise Damaged("it is empty; expected an image file")
    for signature, accepted in _BY_SIGNATURE.items():
        if head.startswith(signature):
            return accepted
    if containers.is_webp(head):
        return Format("WebP", containers.check_webp)
    if containers.is_avif(head):
        return Format("AVIF", containers.check_avif)
    for signature, name in _REFUSED.items():
        if head.startswith(signature):
            raise unsupported(f"it is {name}", "PNG or another common format")
    raise Damaged(f"not a complete image of a kind that is read here; {CURE}")


def read_header(file: BinaryIO) -> Header | None:
    """The header of an open file. None: only the decoder can tell the size. Raises Damaged.

    Of a PNG, only both ends are read. Files of other formats are read whole.
    """
    kind = find_format(file.read(_HEAD_BYTES))
    file.seek(0)
    return png.header_of_open_png(file) if kind is _PNG else kind.check(file.read())
