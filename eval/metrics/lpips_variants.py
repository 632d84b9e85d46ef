"""LPIPS by its networks, versions and input ranges, which papers do not always state. For explanations only.

The optional package `pyiqa` computes them, in a process of its own, because the parent stays free of torch.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from data.errors import InputError
from data.types import Image
from eval.metrics.perceptual import PACKAGE

NETWORKS, VERSIONS = ("alex", "vgg", "squeeze"), ("0.1", "0.0")
# Title, factor of values 0 to 1, and whether the network's own scaling to -1..1 is applied
RANGES = (
    ("range -1 to 1", 1.0, True),
    ("range 0 to 1, not scaled to -1 to 1", 1.0, False),
    ("range 0 to 255, not scaled to -1 to 1", 255.0, False),
)


def lpips_values(images: Sequence[tuple[Image, Image]]) -> list[tuple[str, float]]:
    """Every variant in words, with its mean over images; the usual one first.

    images: pairs (SR, HR), each uint8 HxWx3, RGB. Raises InputError if the package or all weights are missing.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        try:
            found, problem = process.submit(_values, list(images)).result()
        except BrokenProcessPool:
            raise InputError(
                f"{PACKAGE}: its process ended while it worked; is there enough memory?"
            ) from None
    if not found:
        raise InputError(f"--metric lpips: {problem}")
    return found


def _values(images: list[tuple[Image, Image]]) -> tuple[list[tuple[str, float]], str]:
    """In the process: the values, and why there are none."""
    try:
        import pyiqa
        import torch
    except ImportError as error:
        return [], f"needs the optional package {error.name}: `pip install -r requirements-perceptual.txt`"
    found, problem = [], ""
    for version in VERSIONS:
        for network in NETWORKS:
            try:
                metric = pyiqa.create_metric("lpips", net=network, version=version, device="cpu")
            except Exception as error:  # whatever a download raises
                problem = f"{PACKAGE} could not build it ({' '.join(str(error).split()):.160})"
                continue
            for title, factor, scaled in RANGES:
                with torch.no_grad():
                    value = _mean(metric, images, factor, scaled)
                found.append((f"LPIPS, {network}, version {version}, {title}, mean over images", value))
    return found, problem


def _mean(metric: Any, images: list[tuple[Image, Image]], factor: float, scaled: bool) -> float:
    import torch

    def tensor(image: Image) -> Any:
        return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255 * factor

    values = [float(metric(tensor(sr), tensor(hr), normalize=scaled).item()) for sr, hr in images]
    return math.fsum(values) / len(values)
