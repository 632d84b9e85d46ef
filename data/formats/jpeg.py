"""JPEG (ITU-T T.81): the segments, the scans, and whether every scan is complete.

A decoder fills what a scan lacks with grey and reports no error. An end-of-image marker may follow all the same,
so the segments alone do not show the damage. `jpeg_pixels` finds it: bytes added after a complete scan are never
read, but a scan that is cut short takes them for pixels. Two different additions then give two pictures.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

import numpy as np

from data.formats import pillow
from data.formats.header import Header, broken, unsupported

JPEG_SIGNATURE = b"\xff\xd8\xff"

# In entropy-coded data FF is followed by 00 (a stuffed byte) or D0..D7 (a restart marker). FF FF is padding.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ACCEPTED_FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
_COEFFICIENTS = 64
# Added after scans. No bit is the same in both.
_FILLINGS = (bytes.fromhex("5aa53cc3691e87b4") * 8, bytes.fromhex("a55ac33c96e1784b") * 8)


@dataclass
class _Component:
    """One colour component: its sampling factors, and the lowest bit sent so far of each coefficient."""

    horizontal: int
    vertical: int
    lowest: list[int | None] = field(default_factory=lambda: [None] * _COEFFICIENTS)


@dataclass
class _Frame:
    """What the frame header says, and the components by their identifiers."""

    header: Header
    progressive: bool
    components: dict[int, _Component]


def check_jpeg(data: bytes) -> Header:
    """The header of a whole JPEG. Raises Damaged if it is cut short, lacks scans, or is not accepted."""
    frame, interval = None, 0
    for marker, begin, end in _segments(data):
        body = data[begin:end]
        if marker in _FRAMES:
            frame = _frame(marker, body)
        elif marker == 0xDD and len(body) >= 2:
            interval = struct.unpack_from(">H", body)[0]
        elif marker == 0xDA and frame is not None:
            _scan(frame, body, interval, data, end)
    if frame is None:
        raise broken("it is corrupt: the JPEG has no frame header")
    if any(low != 0 for one in frame.components.values() for low in one.lowest):
        raise broken("it is truncated: the JPEG lacks scans of some colours or details")
    return frame.header


def jpeg_pixels(data: bytes) -> bytes:
    """A JPEG that `check_jpeg` accepted, as it is. Raises Damaged if a scan ends before its last pixel."""
    ends = _ends(data)
    pieces = [data[begin:end] for begin, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    one, other = (pillow.decoded(filling.join(pieces)) for filling in _FILLINGS)
    if not np.array_equal(one, other):
        raise broken("it is truncated: the pixels of the JPEG end before its end-of-image marker")
    return data


def _segments(data: bytes) -> list[tuple[int, int, int]]:
    """Marker, begin and end of the body of each segment up to the end-of-image marker."""
    found: list[tuple[int, int, int]] = []
    offset = 2
    while True:
        match = _MARKER.search(data, offset)
        if match is None:
            raise broken("it is truncated: the JPEG ends before its end-of-image marker")
        marker, offset = data[match.end() - 1], match.end()
        if marker == 0xD9:
            return found
        if marker in (0x01, 0xD8):
            continue
        length = struct.unpack_from(">H", data, offset)[0] if offset + 2 <= len(data) else 0
        if length < 2 or offset + length > len(data):
            raise broken("it is truncated: the JPEG ends inside a segment")
        found.append((marker, offset + 2, offset + length))
        offset += length


def _frame(marker: int, body: bytes) -> _Frame:
    if marker not in _ACCEPTED_FRAMES:
        raise unsupported(
            f"its JPEG process is C{marker - 0xC0:X}", "Huffman coding, baseline or progressive"
        )
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise broken("it is corrupt: the JPEG has a frame header that is too short")
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    if not height or not width:
        raise broken("it is corrupt: the JPEG has no frame header with a size")
    if count not in (1, 3):
        raise unsupported("its colours are CMYK" if count == 4 else f"it has {count} channels")
    rows = [body[6 + 3 * k : 9 + 3 * k] for k in range(count)]
    components = {row[0]: _Component(row[1] >> 4, row[1] & 15) for row in rows}
    if any(not 1 <= n <= 4 for one in components.values() for n in (one.horizontal, one.vertical)):
        raise broken("it is corrupt: the JPEG has impossible sampling factors")
    return _Frame(Header(height, width, bits), marker == 0xC2, components)


def _scan(frame: _Frame, body: bytes, interval: int, data: bytes, begin: int) -> None:
    """Notes what a scan sends, and checks the number of its restart markers."""
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count:
        raise broken("it is corrupt: the JPEG has a scan header that is too short")
    ids = [body[1 + 2 * k] for k in range(count)]
    if not ids or any(one not in frame.components for one in ids):
        raise broken("it is corrupt: a JPEG scan names an unknown colour component")
    first, last, low = body[-3], body[-2], body[-1] & 15
    if not frame.progressive:
        first, last, low = 0, _COEFFICIENTS - 1, 0
    for one in ids:
        for coefficient in range(first, min(last, _COEFFICIENTS - 1) + 1):
            frame.components[one].lowest[coefficient] = low
    if interval:
        end = _end_of_scan(data, begin)
        expected = -(-_units(frame, ids) // interval) - 1
        if len(_RESTART.findall(data, begin, end)) != expected:
            raise broken("it is truncated: a JPEG scan lacks restart intervals")


def _units(frame: _Frame, ids: list[int]) -> int:
    """How many units (MCUs) the scan of the components `ids` holds."""
    across = max(one.horizontal for one in frame.components.values())
    down = max(one.vertical for one in frame.components.values())
    header, one = frame.header, frame.components[ids[0]]
    if len(ids) > 1:
        return -(-header.width // (8 * across)) * -(-header.height // (8 * down))
    width, height = -(-header.width * one.horizontal // across), -(-header.height * one.vertical // down)
    return -(-width // 8) * -(-height // 8)


def _end_of_scan(data: bytes, begin: int) -> int:
    found = _MARKER.search(data, begin)
    return len(data) if found is None else found.start()


def _ends(data: bytes) -> list[int]:
    """Where runs of entropy-coded data end: at each restart marker, and at the segment after each scan."""
    ends: list[int] = []
    for marker, _, begin in _segments(data):
        if marker == 0xDA:
            last = _end_of_scan(data, begin)
            ends += [*(restart.start() for restart in _RESTART.finditer(data, begin, last)), last]
    return ends
