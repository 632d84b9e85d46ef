"""What a file's header says, and the error for bytes that cannot be scored."""

from __future__ import annotations

from dataclasses import dataclass

CURE = "save it as an 8-bit RGB PNG"
_AGAIN = "copy or download the file again"


class Damaged(ValueError):
    """The bytes are not a complete picture of an accepted kind. The message is the reason, without a file name."""


@dataclass(frozen=True)
class Header:
    """Rows, columns, bits per sample, and a word for the alpha channel. The word is empty if there is none."""

    height: int
    width: int
    bits: int = 8
    alpha: str = ""


def unsupported(found: str, expected: str = "RGB or grey") -> Damaged:
    """The error for a variant of a format that cannot be read exactly.

    >>> str(unsupported("its colours are CMYK"))
    'its colours are CMYK; expected RGB or grey; save it as an 8-bit RGB PNG'
    """
    return Damaged(f"{found}; expected {expected}; {CURE}")


def broken(found: str) -> Damaged:
    """The error for a file that lacks something or holds what cannot be.

    >>> str(broken("it is truncated: the PNG ends inside a chunk"))
    'it is truncated: the PNG ends inside a chunk; copy or download the file again'
    """
    return Damaged(f"{found}; {_AGAIN}")
