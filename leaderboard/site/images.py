"""The images of a build and the page that lists them."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.challenge import Challenge
from eval.metrics.metric import Metric
from leaderboard.rules.resampling import common_images
from leaderboard.site import crops
from leaderboard.site.listing import EntryGroup, Listed
from leaderboard.site.page import Page, SiteData
from leaderboard.tables.numbers import format_number


@dataclass(frozen=True)
class SiteImage:
    """One image of the largest group and its figures; `index` is its place in the split's list."""

    id: str
    split: str
    name: str
    index: int
    spread: float
    median: float
    entries: list[Listed]
    metric: Metric
    crop: crops.Crop | None

    @property
    def values(self) -> list[float]:
        """The metric of every entry on this image; NaN if it is missing."""
        return [float(item.entry.metric(self.split, self.metric.name)[self.index]) for item in self.entries]

    def best_first(self) -> list[tuple[Listed, float]]:
        """Entries with their values, the best first and those without a value last."""
        sign = 1 if self.metric.higher_is_better else -1
        pairs = list(zip(self.entries, self.values, strict=True))
        return sorted(pairs, key=lambda pair: -np.nan_to_num(sign * pair[1], nan=-math.inf))


def collect(
    group: EntryGroup, metric: Metric, save_dir: Path, out: Path, challenge: Challenge
) -> list[SiteImage]:
    """The images of `group`, those that separate entries most first, with crops stored for the first of them."""
    found = []
    for split in dict.fromkeys(split for entry in group.entries for split in entry.modes):
        found += _images_of(group, metric, split)
    found.sort(key=lambda image: -image.spread)
    if not crops.has_images(save_dir):
        crops.remove_others(out / "crops", set())
        return found
    first, rest = found[: crops.MAX_IMAGES], found[crops.MAX_IMAGES :]
    crops.remove_others(out / "crops", {image.id for image in first})
    # Decoding and encoding release Python's lock.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(lambda image: _with_crop(image, save_dir, out, challenge), first)) + rest


def _images_of(group: EntryGroup, metric: Metric, split: str) -> list[SiteImage]:
    names = common_images(group.entries, split)
    entries = [item for item in group.listed if item.entry.image_names(split) == names]
    if not names:
        return []
    matrix = np.array([item.entry.metric(split, metric.name) for item in entries])
    finite = np.where(np.isfinite(matrix), matrix, np.nan)
    found = []
    for index, name in enumerate(names):
        column = finite[:, index][~np.isnan(finite[:, index])]
        spread = float(column.max() - column.min()) if len(column) else 0.0
        median = float(np.median(column)) if len(column) else math.nan
        key = f"{split}-{index + 1:04d}"
        found.append(SiteImage(key, split, name, index, spread, median, entries, metric, None))
    return found


def _with_crop(image: SiteImage, save_dir: Path, out: Path, challenge: Challenge) -> SiteImage:
    # Pictures are told from those of another evaluation by PSNR on RGB, whatever the pages show.
    models = {
        item.id: (item.entry.model, float(item.entry.metric(image.split, "psnr")[image.index]))
        for item in image.entries
    }
    source = crops.PictureSource(save_dir, image.split, image.name, models, challenge.scale, challenge.border)
    return replace(image, crop=crops.store_window(source, out / "crops" / image.id))


def refused_lines(images: list[SiteImage]) -> list[str]:
    """A line per entry whose pictures are not those of its record."""
    counts = Counter(key for image in images if image.crop for key in image.crop.refused)
    return [
        f"{key}: {count} of its pictures in images/ do not fit its record (another PSNR or size) and are not shown; "
        "evaluate it again with --save_images"
        for key, count in counts.items()
    ]


def _files(data: SiteData) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "images.html", {"images": [_row(image) for image in data.images], "metric": data.metric}


IMAGES_PAGE = Page("images.html", _files, "Images")


def _row(image: SiteImage) -> dict[str, str]:
    first, value = image.best_first()[0]
    decimals = image.metric.decimals
    return {
        "id": image.id,
        "name": image.name,
        "split": image.split,
        "median": format_number(image.median, decimals),
        "spread": format_number(image.spread, decimals + 1),
        "best": first.entry.model if math.isfinite(value) else "–",
    }
