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
_NVIDIA = ("nvidia-cudnn", "nvidia-cublas", "nvidia-cuda-runtime")


def package_versions() -> dict[str, str]:
    """Versions of those of `PACKAGES` that are installed, read from their metadata. Nothing is imported."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return {**found, **_nvidia()}


def _nvidia() -> dict[str, str]:
    """NVIDIA's libraries, such as cuDNN; the number of the CUDA version is part of a name."""
    names = [one.metadata["Name"] or "" for one in metadata.distributions(name=None)]
    return {name: metadata.version(name) for name in sorted(names) if name.startswith(_NVIDIA)}
