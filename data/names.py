"""Which file names belong together: those of the challenges and of published test sets.

For scale 4, an HR image has one of the names on the left and its LR image one of those on the right:

  0801                    0801x4, 0801, and 0801x4m, 0801x4d, 0801x4w (DIV2K mild, difficult and wild)
  baby_HR_x4, baby_HR     baby_LRBI_x4 (also LRBD, LRDN, LR), baby_LR, or as for baby
  img_001_SRF_4_HR        img_001_SRF_4_LR
"""

from __future__ import annotations

import re
from functools import cache


@cache
def _hr_mark(scale: int) -> re.Pattern[str]:
    return re.compile(rf"(?P<base>.+?)(_SRF_{scale})?_HR(_?x{scale})?", re.IGNORECASE)


@cache
def _lr_mark(scale: int) -> re.Pattern[str]:
    return re.compile(rf"(?P<base>.+?)(_SRF_{scale})?_LR[A-Z]*(_?x{scale})?", re.IGNORECASE)


@cache
def _scale_mark(scale: int) -> re.Pattern[str]:
    return re.compile(rf"(?P<base>.+)x{scale}[mdw]?", re.IGNORECASE)


def hr_keys(stem: str, scale: int) -> set[str]:
    """What an HR image of this name (without suffix) is a picture of: its name, and its name without marks.

    >>> sorted(hr_keys("baby_HR_x4", 4))
    ['baby', 'baby_HR_x4']
    """
    return {stem, *_bases(stem, _hr_mark(scale))}


def lr_keys(stem: str, scale: int) -> set[str]:
    """What an LR image of this name can be a picture of. It belongs to the HR image that shares a key.

    >>> sorted(lr_keys("baby_LRBI_x4", 4))
    ['baby', 'baby_LRBI_', 'baby_LRBI_x4']
    """
    return {stem, *_bases(stem, _lr_mark(scale)), *_bases(stem, _scale_mark(scale))}


def lr_names(stem: str, scale: int) -> list[str]:
    """Names to suggest for the LR image of an HR image, the likeliest first.

    >>> lr_names("0801", 4), lr_names("img_001_SRF_4_HR", 4)
    (['0801x4', '0801'], ['img_001_SRF_4_LR', 'img_001_SRF_4_HRx4'])
    """
    if _hr_mark(scale).fullmatch(stem) is None:
        return [f"{stem}x{scale}", stem]
    marked = re.sub(rf"_HR(?=(_?x{scale})?$)", "_LR", stem, flags=re.IGNORECASE)
    return [marked, f"{stem}x{scale}"]


def _bases(stem: str, mark: re.Pattern[str]) -> list[str]:
    found = mark.fullmatch(stem)
    return [] if found is None else [found["base"]]
