"""PNG (ISO/IEC 15948): the chunks and their checksums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from data.formats.header import Header, broken

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_ALPHA = {4: "grey with alpha", 6: "RGB with alpha"}
_COLOURS = {0, 2, 3, 4, 6}
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


def png_header(head: bytes) -> Header:
    """The header of a PNG, read from its first 33 bytes. Raises Damaged."""
    if len(head) < 33 or head[8:16] != b"\x00\x00\x00\rIHDR":
        raise broken("its PNG header is cut short or damaged")
    width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
    if zlib.crc32(head[12:29]) != struct.unpack(">I", head[29:33])[0]:
        raise broken("its PNG header does not fit its checksum")
    if not width or not height or colour not in _COLOURS:
        raise broken("its PNG header holds impossible values")
    return Header(height, width, bits, _ALPHA.get(colour, ""))


def check_png(data: bytes) -> Header:
    """The header of a whole PNG. Raises Damaged if a chunk is cut short or wrong, or pixels or IEND are missing."""
    header, view, kinds = png_header(data[:33]), memoryview(data), set()
    for kind, begin, end in _chunks(data):
        if zlib.crc32(view[begin + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise broken(f"it is corrupt: PNG chunk {kind.decode('latin-1')!r} does not fit its checksum")
        kinds.add(kind)
    if b"IDAT" not in kinds:
        raise broken("it is corrupt: the PNG holds no pixels (no IDAT chunk)")
    if b"tRNS" in kinds:
        return Header(header.height, header.width, header.bits, "a transparent colour")
    return header


def png_pixels(data: bytes) -> bytes:
    """A PNG that `check_png` accepted, reduced to header, palette, pixels and end.

    Text, colour profiles, orientation and further frames never reach the decoder.
    """
    chunks, view = list(_chunks(data)), memoryview(data)
    if all(kind in _CRITICAL for kind, _, _ in chunks):
        return data
    return b"".join([PNG_SIGNATURE, *(view[begin:end] for kind, begin, end in chunks if kind in _CRITICAL)])


def header_of_open_png(file: BinaryIO) -> Header:
    """The header of an open PNG. Only its first bytes and its last chunk are read. Raises Damaged.

    Checksums of pixels are not looked at.
    """
    file.seek(0)
    header = png_header(file.read(33))
    file.seek(max(0, file.seek(0, 2) - len(_END)))
    if file.read() == _END:
        return header
    file.seek(0)
    return check_png(file.read())


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of each chunk up to IEND. Raises Damaged if the data end before."""
    kind, begin = b"", len(PNG_SIGNATURE)
    while kind != b"IEND":
        if begin + 12 > len(data):
            raise broken("it is truncated: the PNG ends before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", data, begin)
        end = begin + 12 + length
        if end > len(data):
            raise broken("it is truncated: the PNG ends inside a chunk")
        yield kind, begin, end
        begin = end
