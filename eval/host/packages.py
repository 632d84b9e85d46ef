"""Versions of the installed packages that can change a number of a record."""

from __future__ import annotations

import contextlib
from importlib import metadata

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "opencv-python-headless",
    "fvcore",
    "thop",
    "spandrel",
    "nvidia-ml-py",
)


def package_versions() -> dict[str, str]:
    """Versions of those of `PACKAGES` that are installed, read from their metadata. Nothing is imported."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
