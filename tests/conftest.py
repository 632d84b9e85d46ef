"""What all tests share: the reference data beside the repository, and small image pairs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"reference data is not at {SHARED.relative_to(ROOT.parent)} beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def tiny_pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders HR (3 images of about 96x80) and LR (x4 smaller): smooth noise, different in each image."""
    folder = tmp_path_factory.mktemp("pairs")
    hr, lr = folder / "HR", folder / "LR"
    hr.mkdir()
    lr.mkdir()
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(((96, 80), (80, 96), (64, 64))):
        image = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 2)
        image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
        cv2.imwrite(str(hr / f"img{number}.png"), image)
        cv2.imwrite(str(lr / f"img{number}x4.png"), cv2.resize(image, (width // 4, height // 4)))
    return hr, lr
