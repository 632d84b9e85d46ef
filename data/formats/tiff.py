"""TIFF 6.0 and BigTIFF: the variants that OpenCV decodes exactly, read from the tags of the first page."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from data.formats import pillow
from data.formats.header import Header, broken, unsupported

TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOURS = 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _SAMPLES, _STRIP_BYTES = 273, 274, 277, 279
_TILES, _TILE_BYTES = 324, 325
# Bits from the right, samples with sign or fraction, several slices: accepted as 1 only, which is their default.
_ONLY_ONE = {266: "fill order", 339: "sample format", 32997: "depth"}

_DEFLATE = (8, 32946)
_COMPRESSIONS = {1: "none", 5: "LZW", 32773: "PackBits", **dict.fromkeys(_DEFLATE, "Deflate")}
_OTHER_COMPRESSIONS = {
    2: "CCITT",
    3: "CCITT fax 3",
    4: "CCITT fax 4",
    6: "old JPEG",
    7: "JPEG",
    50001: "WebP",
}
_SAMPLES_OF = {0: 1, 1: 1, 2: 3, 3: 1}  # by colours: white is zero, black is zero, RGB, palette
_OTHER_COLOURS = {
    5: "CMYK",
    6: "YCbCr",
    8: "CIE Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32803: "a colour filter array",
}
_ALPHA = {(0, 2): "grey with alpha", (1, 2): "grey with alpha", (2, 4): "RGB with alpha"}
_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}  # those of whole numbers, by struct's letters
_MOST_VALUES = 1 << 20


@dataclass(frozen=True)
class _Tag:
    """The values of a tag, their offset in the file, and their form as `struct` writes it."""

    values: tuple[int, ...]
    offset: int
    form: str


def check_tiff(data: bytes) -> Header:
    """The header of a whole TIFF, as stored: its orientation is not applied. Raises Damaged."""
    tags, following = _first_page(data)
    height, width = _one(tags, _HEIGHT), _one(tags, _WIDTH)
    if not height or not width:
        raise broken("it is corrupt: the TIFF has no size")
    if following:
        raise unsupported("the TIFF has several pages", "one")
    colours, samples = _one(tags, _COLOURS, 1), _one(tags, _SAMPLES, 1)
    if alpha := _ALPHA.get((colours, samples), ""):
        return Header(height, width, alpha=alpha)
    if samples != _SAMPLES_OF.get(colours):
        found = _OTHER_COLOURS.get(colours, f"{samples} samples per pixel of kind {colours}")
        raise unsupported(f"its TIFF colours are {found}")
    bits = _all(tags, _BITS)
    if max(bits) > 8:
        return Header(height, width, max(bits))
    if bits not in ({8}, {1}):
        raise unsupported(f"its TIFF samples have {max(bits)} bits", "8 bits, or 1")
    for number, name in _ONLY_ONE.items():
        if _all(tags, number) != {1}:
            raise unsupported(f"its TIFF {name} is {max(_all(tags, number))}", "1")
    _check_compression(data, tags)
    return Header(height, width)


def tiff_pixels(data: bytes) -> bytes:
    """A TIFF that `check_tiff` accepted, with its orientation set to 1 so that the decoder turns nothing.

    Raises Damaged if compressed pixels are incomplete.
    """
    tags, _ = _first_page(data)
    compression = _one(tags, _COMPRESSION, 1)
    if compression in _DEFLATE:
        for begin, count in _parts(tags):
            _inflate(data[begin : begin + count])
    if compression != 1:
        pillow.decoded(data)  # OpenCV leaves out in silence what is missing
    orientation = tags.get(_ORIENTATION)
    if orientation is None or set(orientation.values) <= {1}:
        return data
    upright = bytearray(data)
    struct.pack_into(orientation.form, upright, orientation.offset, *[1] * len(orientation.values))
    return bytes(upright)


def _first_page(data: bytes) -> tuple[dict[int, _Tag], int]:
    """The tags of the first page that hold whole numbers, and the offset of the next page. 0 means none."""
    order, is_big = ("<" if data.startswith(b"II") else ">"), data[2:4] in (b"+\x00", b"\x00+")
    place, count_form, entry_bytes = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    try:
        begin = struct.unpack_from(order + place, data, 8 if is_big else 4)[0]
        count = struct.unpack_from(order + count_form, data, begin)[0]
        first = begin + struct.calcsize(order + count_form)
        tags = {}
        for offset in range(first, first + count * entry_bytes, entry_bytes):
            number, kind = struct.unpack_from(order + "HH", data, offset)
            if kind in _TYPES:
                tags[number] = _tag(data, offset + 4, order, place, _TYPES[kind])
        return tags, struct.unpack_from(order + place, data, first + count * entry_bytes)[0]
    except (struct.error, OverflowError):
        raise broken("it is truncated: the TIFF ends inside its tags") from None


def _tag(data: bytes, offset: int, order: str, place: str, letter: str) -> _Tag:
    """One tag, from its number of values on. Values that do not fit in its place stand elsewhere."""
    count = struct.unpack_from(order + place, data, offset)[0]
    if count > _MOST_VALUES:
        raise broken("it is corrupt: a TIFF tag has too many values")
    where, form = offset + struct.calcsize(order + place), f"{order}{count}{letter}"
    if struct.calcsize(form) > struct.calcsize(order + place):
        where = struct.unpack_from(order + place, data, where)[0]
    return _Tag(struct.unpack_from(form, data, where), where, form)


def _one(tags: dict[int, _Tag], number: int, default: int = 0) -> int:
    """The first value of a tag, or `default` if the tag is missing."""
    return tags[number].values[0] if number in tags and tags[number].values else default


def _all(tags: dict[int, _Tag], number: int) -> set[int]:
    """The different values of a tag, 1 if it is missing."""
    return set(tags[number].values if number in tags else ()) or {1}


def _check_compression(data: bytes, tags: dict[int, _Tag]) -> None:
    """Raises Damaged for a compression that is not accepted, and for strips or tiles outside the file."""
    compression = _one(tags, _COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        found = _OTHER_COMPRESSIONS.get(compression, str(compression))
        raise unsupported(f"its TIFF compression is {found}", "none, LZW, Deflate or PackBits")
    for begin, count in _parts(tags):
        if begin + count > len(data):
            raise broken("it is truncated: the TIFF ends inside its pixels")


def _parts(tags: dict[int, _Tag]) -> list[tuple[int, int]]:
    """Where each strip or tile begins, and its bytes."""
    begins, counts = (_STRIPS, _STRIP_BYTES) if _STRIPS in tags else (_TILES, _TILE_BYTES)
    if begins not in tags or counts not in tags:
        raise broken("it is corrupt: the TIFF does not say where its pixels are")
    return list(zip(tags[begins].values, tags[counts].values, strict=False))


def _inflate(part: bytes) -> None:
    """Raises Damaged if a Deflate stream is incomplete or fails its checksum, which OpenCV does not report."""
    try:
        zlib.decompress(part)
    except zlib.error as error:
        raise broken(f"it is corrupt: pixels of the TIFF cannot be decompressed ({error})") from None
