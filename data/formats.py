"""Image files before they are decoded: size, depth and completeness, read from the bytes alone.

OpenCV's decoders pad, with whatever they have, what a damaged PNG or JPEG lacks (how much depends on the
version), and an SR image scored against such a picture has a wrong but plausible PSNR. So the two common
formats are checked here, byte by byte: PNG by its chunks and their checksums (ISO/IEC 15948), JPEG by its
segments (ITU-T T.81, annex B). Other formats are left to the decoder, which refuses what is cut short.

Functions raise `Damaged` with the reason only; the caller adds the file's name.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
# What a header needs at most, in the formats whose size lies at a fixed place.
HEAD_BYTES = 64

_PNG_ALPHA = {4: "grey with alpha", 6: "RGB with alpha"}
_PNG_COLOURS = {0, 2, 3, 4, 6}
_PNG_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
# In JPEG's entropy-coded data FF is followed by 00 (a stuffed byte) or D0..D7 (a restart); FF FF is padding.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PNM_HEADER = re.compile(rb"P([56])(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")


class Damaged(ValueError):
    """The bytes are not a complete picture of a kind that can be scored; the message is the reason."""


@dataclass(frozen=True)
class Header:
    """What a file's header says: rows, columns, bits per sample, and a word for its alpha channel if any."""

    height: int
    width: int
    bits: int = 8
    alpha: str = ""


def png_header(head: bytes) -> Header:
    """The header of a PNG from its first 33 bytes."""
    if len(head) < 33 or head[8:16] != b"\x00\x00\x00\rIHDR":
        raise Damaged("its PNG header is cut short or damaged")
    width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
    if zlib.crc32(head[12:29]) != struct.unpack(">I", head[29:33])[0]:
        raise Damaged("its PNG header does not fit its checksum")
    if not width or not height or colour not in _PNG_COLOURS:
        raise Damaged("its PNG header holds impossible values")
    return Header(height, width, bits, _PNG_ALPHA.get(colour, ""))


def check_png(data: bytes) -> Header:
    """Walks all chunks of a PNG: each complete and true to its checksum, pixels present, IEND reached."""
    header = png_header(data[:33])
    view, offset, pixels = memoryview(data), len(PNG_SIGNATURE), False
    while True:
        if offset + 12 > len(data):
            raise Damaged("it is truncated: the PNG ends before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", data, offset)
        end = offset + 12 + length
        if end > len(data):
            raise Damaged("it is truncated: the PNG ends inside a chunk")
        if zlib.crc32(view[offset + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise Damaged(f"it is corrupt: PNG chunk {kind.decode('latin-1')!r} does not fit its checksum")
        if kind == b"IEND":
            break
        if kind == b"tRNS":
            header = Header(header.height, header.width, header.bits, "a transparent colour")
        pixels = pixels or kind == b"IDAT"
        offset = end
    if not pixels:
        raise Damaged("it is corrupt: the PNG holds no pixels (no IDAT chunk)")
    return header


def png_pixels(data: bytes) -> bytes:
    """A PNG that `check_png` found sound, reduced to what its pixels need: header, palette, pixels, end."""
    offset, kept = len(PNG_SIGNATURE), [PNG_SIGNATURE]
    while offset < len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        end = offset + 12 + length
        if kind in _PNG_CRITICAL:
            kept.append(data[offset:end])
        if kind == b"IEND":
            break
        offset = end
    return b"".join(kept)


def check_jpeg(data: bytes) -> Header:
    """Walks all segments of a JPEG up to the end-of-image marker, and reads the frame header on the way."""
    header: Header | None = None
    offset = 2
    while True:
        found = _JPEG_MARKER.search(data, offset)
        if found is None:
            raise Damaged("it is truncated: the JPEG ends before its end-of-image marker")
        marker, offset = data[found.end() - 1], found.end()
        if marker == 0xD9:
            break
        if marker in (0x01, 0xD8):
            continue
        if offset + 2 > len(data):
            raise Damaged("it is truncated: the JPEG ends inside a segment")
        length = struct.unpack_from(">H", data, offset)[0]
        if length < 2 or offset + length > len(data):
            raise Damaged("it is truncated: the JPEG ends inside a segment")
        if marker in _JPEG_FRAMES and length >= 8:
            bits, height, width = struct.unpack_from(">BHH", data, offset + 2)
            header = Header(height, width, bits)
        offset += length
    if header is None or not header.height or not header.width:
        raise Damaged("it is corrupt: the JPEG has no frame header")
    return header


def bmp_header(head: bytes) -> Header:
    """The header of a BMP from its first 26 bytes; a negative height means rows from the top."""
    if len(head) < 26:
        raise Damaged("it is truncated: the BMP ends inside its header")
    if struct.unpack_from("<I", head, 14)[0] == 12:
        width, height = struct.unpack_from("<HH", head, 18)
    else:
        width, height = struct.unpack_from("<ii", head, 18)
    if width <= 0 or height == 0:
        raise Damaged("its BMP header holds impossible values")
    return Header(abs(height), width)


def pnm_header(head: bytes) -> Header | None:
    """The header of a binary PGM or PPM; None where comments push it out of sight."""
    found = _PNM_HEADER.match(head)
    if found is None:
        return None
    width, height, largest = (int(field) for field in found.groups()[1:])
    if not width or not height or not 0 < largest < 65536:
        raise Damaged("its PGM/PPM header holds impossible values")
    return Header(height, width, 8 if largest < 256 else 16)


def check_bytes(data: bytes) -> Header | None:
    """Checks a whole file; None for the formats that are left to the decoder."""
    if data.startswith(PNG_SIGNATURE):
        return check_png(data)
    if data.startswith(JPEG_SIGNATURE):
        return check_jpeg(data)
    return None


def read_header(file: BinaryIO) -> Header | None:
    """The header of an open file, reading as little of it as its format allows; None: it must be decoded.

    A PNG must also end in IEND. Checksums of its pixels are not looked at.
    """
    head = file.read(HEAD_BYTES)
    if not head:
        raise Damaged("it is empty")
    if head.startswith(PNG_SIGNATURE):
        header = png_header(head)
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - len(PNG_END)))
        if file.read() == PNG_END:
            return header
        file.seek(0)
        return check_png(file.read())
    if head.startswith(JPEG_SIGNATURE):
        return check_jpeg(head + file.read())
    if head.startswith(b"BM"):
        return bmp_header(head)
    if head[:2] in (b"P5", b"P6"):
        return pnm_header(head)
    return None
