"""Pillow as a second decoder. It reports damage that OpenCV fills in, and it prints no warnings."""

from __future__ import annotations

import io
import warnings
from functools import cache
from types import ModuleType

import numpy as np
import numpy.typing as npt

from data.formats.header import broken


def decoded(data: bytes) -> npt.NDArray[np.generic]:
    """The pixels of an image file as Pillow gives them: height x width (x channels), uint8, 0 to 255, or bool.

    Raises Damaged.

    >>> decoded(b"P5 2 1 255 " + bytes([7, 9])).tolist()
    [[7, 9]]
    """
    image_module = _image_module()
    try:
        with image_module.open(io.BytesIO(data)) as opened:
            return np.asarray(opened)
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError) as error:
        raise broken(f"it is corrupt: its pixels cannot be decoded ({error})") from None


@cache
def _image_module() -> ModuleType:
    """Pillow's module, imported late, because few files need it and that takes a while. Its warnings are not shown."""
    from PIL import Image

    warnings.filterwarnings("ignore", module=r"PIL\.")
    return Image
