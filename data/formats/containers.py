"""GIF, WebP, AVIF and JPEG 2000: one still picture, in colours that OpenCV decodes exactly.

The pixels are left to the decoder, which refuses files of these formats that are cut short.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from data.formats.header import Header, broken, unsupported

GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
JPEG_2000_SIGNATURES = (b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")

_JPEG_2000_COLOURS = {16: "RGB", 17: "grey"}


def check_gif(data: bytes) -> Header:
    """The header of a whole GIF. Raises Damaged if it does not hold one picture that fills it."""
    if len(data) < 13:
        raise broken("it is truncated: the GIF ends inside its header")
    width, height = struct.unpack_from("<HH", data, 6)
    header, pictures = Header(height, width), 0
    for kind, begin in _gif_blocks(data):
        if kind == 0x2C:
            pictures += 1
            if data[begin + 1 : begin + 9] != bytes(4) + data[6:10]:
                raise unsupported("its GIF picture does not fill the frame", "one picture that does")
        elif data[begin + 1 : begin + 2] == b"\xf9" and data[begin + 3 : begin + 4] and data[begin + 3] & 1:
            header = Header(height, width, alpha="a transparent colour")
    if pictures != 1:
        raise unsupported(f"the GIF holds {pictures} pictures", "one")
    return header


def _gif_blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Kind (2C: picture, 21: extension) and begin of each block. Raises Damaged if the data end before 3B."""
    offset = 13 + _gif_colours(data[10])
    try:
        while data[offset] != 0x3B:
            kind = data[offset]
            if kind not in (0x2C, 0x21):
                raise broken("it is corrupt: the GIF has an unknown block")
            yield kind, offset
            offset += 11 + _gif_colours(data[offset + 9]) if kind == 0x2C else 2
            while data[offset]:
                offset += 1 + data[offset]
            offset += 1
    except IndexError:
        raise broken("it is truncated: the GIF ends before its last block") from None


def _gif_colours(flags: int) -> int:
    """Bytes of the colour table that `flags` announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def is_webp(head: bytes) -> bool:
    """Whether a file with these first bytes is a WebP.

    >>> is_webp(b"RIFF....WEBPVP8 ")
    True
    """
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def check_webp(data: bytes) -> None:
    """Raises Damaged for an animated WebP."""
    if data[12:16] == b"VP8X" and len(data) > 20 and data[20] & 2:
        raise unsupported("the WebP is an animation", "one picture")


def is_avif(head: bytes) -> bool:
    """Whether a file with these first bytes is an AVIF, still or animated.

    >>> is_avif(b"\\0\\0\\0 ftypavif")
    True
    """
    return head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis")


def check_avif(data: bytes) -> None:
    """Raises Damaged for an animated AVIF."""
    if data[8:12] == b"avis":
        raise unsupported("the AVIF is an animation", "one picture")


def check_jpeg_2000(data: bytes) -> Header:
    """The header of a JPEG 2000 file or codestream. Raises Damaged for other colours than RGB and grey."""
    codestream = data
    if data.startswith(JPEG_2000_SIGNATURES[0]):
        boxes = dict(_boxes(data))
        _check_colours(dict(_boxes(boxes.get(b"jp2h", b""))))
        codestream = boxes.get(b"jp2c", b"")
    if len(codestream) < 42:
        raise broken("it is truncated: the JPEG 2000 ends inside its header")
    width, height, left, top = struct.unpack_from(">IIII", codestream, 8)
    count = struct.unpack_from(">H", codestream, 40)[0]
    samples = [tuple(codestream[42 + 3 * k : 45 + 3 * k]) for k in range(min(count, 5))]
    if count in (2, 4):
        return Header(height, width, alpha=f"{count} channels")
    if any(len(sample) < 3 or sample[1:] != (1, 1) for sample in samples) or left or top:
        raise unsupported("its JPEG 2000 channels differ in size or position")
    return Header(height, width, max(((sample[0] & 0x7F) + 1 for sample in samples), default=8))


def _check_colours(boxes: dict[bytes, bytes]) -> None:
    colours = boxes.get(b"colr", b"\x02")
    if colours[:1] == b"\x01" and int.from_bytes(colours[3:7], "big") not in _JPEG_2000_COLOURS:
        raise unsupported(f"its JPEG 2000 colours are of kind {int.from_bytes(colours[3:7], 'big')}")
    if b"pclr" in boxes:
        raise unsupported("its JPEG 2000 colours are a palette")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box. The length 0 means up to the end, 1 means a length of eight bytes."""
    offset = 0
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        head = 8
        if length == 1 and offset + 16 <= len(data):
            length, head = struct.unpack_from(">Q", data, offset + 8)[0], 16
        end = offset + length if length else len(data)
        if end < offset + head:
            return
        yield kind, data[offset + head : end]
        offset = end
