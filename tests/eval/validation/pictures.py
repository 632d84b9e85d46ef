"""A small image pair whose channels differ much, so that their order shows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def coloured_pair(folder: Path, side: tuple[int, int] = (53, 61)) -> tuple[Path, Path]:
    """Folders HR and LR in `folder` with one pair, `one.png`; side: height and width of the LR image."""
    hr, lr = folder / "HR", folder / "LR"
    hr.mkdir(parents=True)
    lr.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (*(4 * length for length in side), 3), np.uint8)
    image = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    image = (image * np.array([0.4, 0.8, 1.0])).astype(np.uint8)  # BGR: red is the brightest
    cv2.imwrite(str(hr / "one.png"), image)
    cv2.imwrite(str(lr / "onex4.png"), cv2.resize(image, side[::-1], interpolation=cv2.INTER_AREA))
    return hr, lr
