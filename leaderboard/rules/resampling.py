"""Means of a group in resamples of the images: all entries of a group get the same draws."""

from __future__ import annotations

from collections import Counter

import numpy as np

from leaderboard.entry import Array, Entry

DRAWS = 1000
SEED = 20240401


def common_images(group: list[Entry], split: str) -> tuple[str, ...]:
    """The list of images of `split` that most entries of the group were evaluated on."""
    counts = Counter(entry.image_names(split) for entry in group if entry.image_names(split))
    return counts.most_common(1)[0][0] if counts else ()


def weights_of(images: int, seed: int) -> Array:
    """DRAWS x images, float64: the share that each image has in each resample; every row sums to 1."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=DRAWS) / images


def resampled_means(group: list[Entry], split: str, metric: str) -> Array:
    """DRAWS x entries, float64: mean of a metric. NaN for entries on other images, or with an infinity."""
    names = common_images(group, split)
    columns = [entry.metric(split, metric) if entry.image_names(split) == names else None for entry in group]
    return _resample(columns, len(names), seed=SEED + (split == "test"))


def resampled_runtimes(group: list[Entry]) -> Array:
    """DRAWS x entries, float64, in ms: the ranked runtime, a mean over splits and images of each image's figure."""
    parts = []
    for split in dict.fromkeys(split for entry in group for split in entry.modes):
        names = common_images(group, split)
        columns = [
            entry.runtimes.get(split) if entry.image_names(split) == names else None for entry in group
        ]
        parts.append(_resample(columns, len(names), seed=SEED + (split == "test")))
    return np.mean(parts, axis=0) if parts else np.full((DRAWS, len(group)), np.nan)


def _resample(columns: list[Array | None], images: int, seed: int) -> Array:
    if not images:
        return np.full((DRAWS, len(columns)), np.nan)
    usable = [column is not None and bool(np.isfinite(column).all()) for column in columns]
    matrix = np.column_stack(
        [
            column if good and column is not None else np.zeros(images)
            for column, good in zip(columns, usable, strict=True)
        ]
    )
    drawn = weights_of(images, seed) @ matrix
    drawn[:, ~np.array(usable)] = np.nan
    return np.asarray(drawn)
