"""PBM, PGM and PPM (Netpbm): one picture per file, black and white or with values up to 255."""

from __future__ import annotations

import re

from data.formats.header import Header, broken, unsupported

PNM_SIGNATURES = (b"P1", b"P4", b"P5", b"P6")

_SPACE = rb"(?:\s|#[^\r\n]*[\r\n])+"
_SIZE = re.compile(rb"P([1456])" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})")
_LARGEST = re.compile(_SPACE + rb"(\d{1,9})")
_NEXT_PICTURE = re.compile(rb"P[1-7]\s")


def check_pnm(data: bytes) -> Header:
    """The header of a whole PBM, PGM or PPM. Raises Damaged for other values or for several pictures."""
    size = _SIZE.match(data)
    if size is None:
        raise broken("it is corrupt: its PBM/PGM/PPM header has no size")
    kind, width, height = (int(field) for field in size.groups())
    if not width or not height:
        raise broken("its PBM/PGM/PPM header holds impossible values")
    if kind in (1, 4):
        return _one_picture(data, Header(height, width), size.end() + 1, height * -(-width // 8), kind)
    largest = _LARGEST.match(data, size.end())
    if largest is None or not 0 < int(largest[1]) < 65536:
        raise broken("its PGM/PPM header holds impossible values")
    if int(largest[1]) > 255:
        return Header(height, width, bits=16)
    if int(largest[1]) < 255:
        raise unsupported(f"its largest value (maxval) is {int(largest[1])}", "255")
    samples = height * width * (3 if kind == 6 else 1)
    return _one_picture(data, Header(height, width), largest.end() + 1, samples, kind)


def _one_picture(data: bytes, header: Header, begin: int, count: int, kind: int) -> Header:
    """`header`, if the picture is complete and no other follows it. Plain text (P1) is left to the decoder."""
    if kind == 1:
        return header
    if begin + count > len(data):
        raise broken(f"it is truncated: it ends {begin + count - len(data)} bytes before its last pixel")
    if _NEXT_PICTURE.match(data, begin + count):
        raise unsupported("it holds several pictures", "one")
    return header
