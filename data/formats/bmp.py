"""BMP: the header variants and pixel layouts that OpenCV decodes exactly."""

from __future__ import annotations

import struct

import numpy as np

from data.formats.header import Header, broken, unsupported

BMP_SIGNATURE = b"BM"

_HEADER_BYTES = 54
# Compression by bits per pixel: none everywhere, run lengths for 8 and 4 bits.
_COMPRESSIONS = {1: {0}, 4: {0, 2}, 8: {0, 1}, 24: {0}, 32: {0}}


def check_bmp(data: bytes) -> Header:
    """The header of a whole BMP. A negative height means rows from the top. Raises Damaged."""
    if len(data) < _HEADER_BYTES:
        raise broken("it is truncated: the BMP ends inside its header")
    begin, size, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", data, 10)
    if size < 40:
        raise unsupported("its BMP header is of OS/2", "a header of 40 bytes or more")
    if width <= 0 or height == 0:
        raise broken("its BMP header holds impossible values")
    if compression == 3 and _alpha_mask(data, size):
        return Header(abs(height), width, alpha="32 bits per pixel with a mask for alpha")
    if bits == 16:
        raise unsupported("it has 16 bits per pixel, 5 or 6 per sample", "8 bits per sample")
    if compression not in _COMPRESSIONS.get(bits, set()):
        raise unsupported(
            f"its BMP pixels have {bits} bits and compression {compression}", "24 bits, uncompressed"
        )
    if compression == 0 and begin + abs(height) * _row_bytes(width, bits) > len(data):
        raise broken("it is truncated: the BMP ends inside its pixels")
    if bits == 32 and _fourth_byte_varies(data, begin, width * abs(height)):
        return Header(abs(height), width, alpha="the fourth byte of each pixel")
    return Header(abs(height), width)


def _row_bytes(width: int, bits: int) -> int:
    return -(-width * bits // 32) * 4


def _alpha_mask(data: bytes, size: int) -> bool:
    return size >= 56 and len(data) >= 70 and struct.unpack_from("<I", data, 66)[0] != 0


def _fourth_byte_varies(data: bytes, begin: int, pixels: int) -> bool:
    """Whether the byte beside blue, green and red holds anything. Unused, it is 0 or 255 throughout."""
    fourth = np.frombuffer(data, np.uint8, 4 * pixels, begin)[3::4]
    return not ((fourth == 0).all() or (fourth == 255).all())
