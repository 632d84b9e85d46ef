"""Bicubic enlargement as a reference: every table shows it, and a submission below it is flagged.

A wrong channel order, a shift by a pixel, a wrong value range and an untrained network all fall below bicubic.
"""

from __future__ import annotations

import math
import statistics
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.bicubic import FACTORS, imresize
from data.images import read_rgb
from data.pairs import ImagePair
from data.types import Image, Split
from eval.metrics import registry
from eval.metrics.metric import Metric
from eval.records.flags import FlagName
from eval.records.schema import Flag, ImageResult, ModeResult

# Gains over bicubic differ from image to image, by 5 dB on Set5. So much more than the median is no network's.
OUTLIER_DB = 10.0


class BicubicReference:
    """Values of bicubic images, each computed once per batch beside the first scoring of its image.

    metrics: of the batch. Those that are computed on request only (SSIM beside PSNR) are left out: they would
    double the time of scoring.
    """

    def __init__(self, metrics: Sequence[Metric], scale: int) -> None:
        self._metrics = [one for one in metrics if one.function is not None and not one.on_request]
        self._scale = scale
        self._scores: dict[Path, dict[str, float]] = {}
        self._lock = threading.Lock()

    def meet(self, pair: ImagePair, hr: Image) -> None:
        """Score the enlarged LR image of `pair` against `hr` (uint8 HxWx3, cropped) unless that is done already.

        Called from the scorer threads. Images that were handed in without LR images have no reference, nor has a
        scale that bicubic enlargement does not know.
        """
        if pair.lr == pair.hr or self._scale not in FACTORS:
            return
        with self._lock:
            if pair.hr in self._scores:
                return
            self._scores[pair.hr] = {}
        self._scores[pair.hr] = registry.measure(enlarged(read_rgb(pair.lr), self._scale), hr, self._metrics)

    def result(self, pairs: Sequence[ImagePair]) -> ModeResult | None:
        """The figures of all `pairs`; None unless each one was scored."""
        scores = [self._scores.get(pair.hr) for pair in pairs]
        if not all(scores):
            return None
        return ModeResult(
            images=[
                ImageResult(name=pair.name, metrics=found)
                for pair, found in zip(pairs, scores, strict=True)
                if found
            ]
        )


def enlarged(lr: Image, scale: int) -> Image:
    """Bicubic enlargement of an LR image.

    lr: uint8 HxWx3, RGB. Returns uint8, (H * scale)x(W * scale)x3.
    """
    return imresize(lr, scale)


def quality_flags(
    metrics: Sequence[Metric], modes: Mapping[str, ModeResult], reference: Mapping[str, ModeResult]
) -> list[Flag]:
    """Flags for results that are worse than bicubic, equal to HR, or known by heart. Mappings: results by split."""
    found = []
    for split, result in modes.items():
        if split in reference:
            found += _below(metrics, split, result, reference[split])
            found += _by_heart(metrics, split, result, reference[split])
        found += _equal(metrics, split, result)
    return found


def _below(metrics: Sequence[Metric], split: str, result: ModeResult, bicubic: ModeResult) -> list[Flag]:
    """At most one flag, by the first metric that both have."""
    for metric in metrics:
        value, other = result.mean(metric.name), bicubic.mean(metric.name)
        if value is None or other is None:
            continue
        if (value >= other) if metric.higher_is_better else (value <= other):
            return []
        reason = (
            f"{split}: {metric.title} is {metric.amount(value)}, bicubic enlargement has {metric.amount(other)}: "
            "check the checkpoint, the channel order (RGB), data_range, and whether the output is shifted"
        )
        return [FlagName.BELOW_BICUBIC.because(reason)]
    return []


def _by_heart(metrics: Sequence[Metric], split: str, result: ModeResult, bicubic: ModeResult) -> list[Flag]:
    """A flag if the gain over bicubic of single images is far above that of the others."""
    name = next((metric.name for metric in metrics if metric.infinite_if_equal), "")
    pairs = zip(result.images, bicubic.images, strict=False)
    gains = {
        ours.name: ours.metrics[name] - other.metrics[name]
        for ours, other in pairs
        if ours.name == other.name
        and name in ours.metrics
        and math.isfinite(other.metrics.get(name, math.inf))
    }
    usual = statistics.median(gains.values()) if gains else 0.0
    known = [image for image, gain in gains.items() if usual + OUTLIER_DB < gain < math.inf]
    if not known:
        return []
    reason = (
        f"{split}: {len(known)} of {len(gains)} images gain {OUTLIER_DB:g} dB more over bicubic than the median image "
        f"(such as {known[0]}, {gains[known[0]]:.1f} dB for {usual:.1f} dB): is it stored in the submission?"
    )
    return [FlagName.KNOWN_BY_HEART.because(reason)]


def _equal(metrics: Sequence[Metric], split: str, result: ModeResult) -> list[Flag]:
    """A flag if images have the value that only equal images have."""
    names = [metric.name for metric in metrics if metric.infinite_if_equal][:1]
    for name in names:
        equal = [image.name for image in result.images if image.metrics.get(name) == math.inf]
        if equal:
            reason = (
                f"{split}: {len(equal)} of {len(result.images)} images equal their HR images exactly (such as "
                f"{equal[0]}): no network restores every pixel; are HR images among the results?"
            )
            return [FlagName.EQUAL_TO_HR.because(reason)]
    return []


def reference_results(
    reference: BicubicReference, modes: Mapping[Split, Sequence[ImagePair]]
) -> dict[str, ModeResult]:
    """Bicubic's results by split, for those splits that are complete."""
    found = {split: reference.result(pairs) for split, pairs in modes.items()}
    return {split: result for split, result in found.items() if result is not None}
