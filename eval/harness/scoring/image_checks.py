"""Whether all images are large enough for the metrics, asked before any model runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.errors import InputError
from data.images import image_size
from data.pairs import ImagePair
from data.types import Split
from eval.metrics.metric import Metric

_NAMED_AT_MOST = 5


def least_side(metric: Metric) -> int:
    """The least side in pixels of an HR image that `metric` can score."""
    return metric.smallest + 2 * metric.border


def check_large_enough(
    modes: Mapping[Split, Sequence[ImagePair]], scale: int, metrics: Sequence[Metric]
) -> None:
    """Raise InputError that names every HR image that is too small for a metric, and the least size.

    metrics: with the challenge's border. Sizes come from the headers of the files.
    """
    metric = max(metrics, key=least_side)
    side = least_side(metric)
    small = [
        f"{pair.hr} is {width}x{height}"
        for pairs in modes.values()
        for pair in pairs
        for height, width in (_cropped(pair, scale),)
        if min(height, width) < side
    ]
    if small:
        more = f"; and {len(small) - _NAMED_AT_MOST} more" if len(small) > _NAMED_AT_MOST else ""
        raise InputError(
            f"images too small for {metric.title}: {'; '.join(small[:_NAMED_AT_MOST])}{more}; expected at least "
            f"{side}x{side} pixels (border {metric.border}); leave such images out"
        )


def _cropped(pair: ImagePair, scale: int) -> tuple[int, int]:
    """Height and width of the HR image, cropped to a multiple of the scale."""
    height, width = image_size(pair.hr)
    return height - height % scale, width - width % scale
