"""Metrics by neural networks or natural-image statistics, through the optional package `pyiqa`.

They run in one process of their own, which starts if a challenge asks for them: the parent stays free of torch. Most
of them fetch weights on first use. A metric that is not available is left out with its reason and gets no value. A
submission without it is not ranked by it.

Protocol: RGB images as handed in, values 0..1 (uint8 / 255), no border cut, mean over images; reference metrics
compare with HR cropped to a multiple of the scale.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from data.errors import InputError
from data.types import Image
from eval.failures import SubmissionFailed
from eval.metrics.metric import Metric

PACKAGE = "pyiqa"


def _by_pyiqa(
    name: str, title: str, higher_is_better: bool, needs_reference: bool, decimals: int = 4
) -> Metric:
    return Metric(
        name,
        name,
        title,
        None,
        border=0,
        decimals=decimals,
        higher_is_better=higher_is_better,
        needs_reference=needs_reference,
    )


PERCEPTUAL_METRICS = (
    _by_pyiqa("lpips", "LPIPS", higher_is_better=False, needs_reference=True),
    _by_pyiqa("dists", "DISTS", higher_is_better=False, needs_reference=True),
    _by_pyiqa("niqe", "NIQE", higher_is_better=False, needs_reference=False),
    _by_pyiqa("maniqa", "MANIQA", higher_is_better=True, needs_reference=False),
    _by_pyiqa("musiq", "MUSIQ", higher_is_better=True, needs_reference=False, decimals=2),
    _by_pyiqa("clipiqa", "CLIPIQA", higher_is_better=True, needs_reference=False),
    _by_pyiqa("gmsd", "GMSD", higher_is_better=False, needs_reference=True),
    _by_pyiqa("ms_ssim", "MS-SSIM", higher_is_better=True, needs_reference=True),
)
_WITH_REFERENCE = {metric.name for metric in PERCEPTUAL_METRICS if metric.needs_reference}


class PerceptualScorer:
    """A process that holds the metrics called `names`, of `PERCEPTUAL_METRICS`. Use as a context manager.

    missing: metrics that cannot be computed here, with the reason. The start waits until that is known.
    """

    def __init__(self, names: tuple[str, ...], device: str = "cpu") -> None:
        self._executor: ProcessPoolExecutor | None = None
        self.missing: dict[str, str] = {}
        if names:
            self._executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            self.missing = self._result(self._executor.submit(_create, names, device))

    def __enter__(self) -> PerceptualScorer:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def score(self, sr: Image, hr: Image) -> dict[str, float]:
        """Values of all available metrics for one pair. Threads may call it.

        sr, hr: height x width x 3, uint8, RGB, of equal shape. Raises SubmissionFailed if a value is not finite: some
        metrics have none for an image without any content.
        """
        if self._executor is None:
            return {}
        values: dict[str, float] = self._result(self._executor.submit(_score, sr, hr))
        for name, value in values.items():
            if not math.isfinite(value):
                raise SubmissionFailed(f"{name} is {value} for it, expected a finite number")
        return values

    def _result(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except BrokenProcessPool:
            raise InputError(
                f"{PACKAGE}: its process ended while it worked; is there enough memory?"
            ) from None


# State of the metric process: one per process, filled by `_create`.
_created: dict[str, Any] = {}


def _create(names: tuple[str, ...], device: str) -> dict[str, str]:
    """Build the metrics. Returns those that could not be built, with the reason."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    try:
        import pyiqa
    except ImportError as error:
        package = error.name or PACKAGE
        remedy = "`pip install -r requirements-perceptual.txt`"
        if package != PACKAGE:
            remedy = f"its dependency '{package}' is not installed"
        return dict.fromkeys(names, f"needs the optional package {PACKAGE}: {remedy}")
    missing = {}
    for name in names:
        try:
            _created[name] = pyiqa.create_metric(name, device=device)
        except Exception as error:  # whatever a download or a third-party network raises
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            missing[name] = (
                f"{PACKAGE} could not build it ({cause:.160}); it fetches weights on first use: run once with "
                "network, or copy its cache folder (~/.cache/torch/hub/pyiqa) from a machine that has"
            )
    return missing


def _score(sr: Image, hr: Image) -> dict[str, float]:
    import torch

    def tensor(image: Image) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255

    values = {}
    with torch.no_grad():
        for name, metric in _created.items():
            images = (tensor(sr), tensor(hr)) if name in _WITH_REFERENCE else (tensor(sr),)
            values[name] = _value(metric, images, [tensor(hr)] * len(images))
    return values


def _value(metric: Any, images: Sequence[Any], flawless: Sequence[Any]) -> float:
    """The value of `metric`; NaN if it raises for `images` but not for `flawless`: then the images are the reason."""
    try:
        return float(metric(*images).item())
    except MemoryError:
        raise
    except Exception:
        metric(*flawless)
        return math.nan
