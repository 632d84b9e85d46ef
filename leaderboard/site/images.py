"""Pages per image, the list of images, and the data of the comparison page."""

from __future__ import annotations

import math
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.challenge import Challenge
from eval.records.schema import json_number
from leaderboard.rules.resampling import common_images
from leaderboard.site import crops
from leaderboard.site.listing import Group, Listed
from leaderboard.tables import format_number


@dataclass(frozen=True)
class SiteImage:
    """One image of the largest group and its figures; `index` is its place in the mode's list."""

    id: str
    mode: str
    name: str
    index: int
    spread: float
    median: float
    entries: list[Listed]
    crop: crops.Crop | None

    @property
    def psnr(self) -> list[float]:
        return [float(item.entry.metric(self.mode, "psnr")[self.index]) for item in self.entries]


def collect(group: Group, save_dir: Path, out: Path, challenge: Challenge) -> list[SiteImage]:
    """The images of `group`, those that separate entries most first, with crops stored for the first of them."""
    found = []
    for mode in dict.fromkeys(mode for entry in group.entries for mode in entry.modes):
        names = common_images(group.entries, mode)
        entries = [item for item in group.listed if item.entry.image_names(mode) == names]
        if not names:
            continue
        matrix = np.array([item.entry.metric(mode, "psnr") for item in entries])
        finite = np.where(np.isfinite(matrix), matrix, np.nan)
        for index, name in enumerate(names):
            column = finite[:, index][~np.isnan(finite[:, index])]
            spread = float(column.max() - column.min()) if len(column) else 0.0
            median = float(np.median(column)) if len(column) else math.nan
            found.append(
                SiteImage(f"{mode}-{index + 1:04d}", mode, name, index, spread, median, entries, None)
            )
    found.sort(key=lambda image: -image.spread)
    if not crops.has_images(save_dir):
        crops.remove_others(out / "crops", set())
        return found
    first, rest = found[: crops.MAX_IMAGES], found[crops.MAX_IMAGES :]
    crops.remove_others(out / "crops", {image.id for image in first})
    # Decoding and encoding release Python's lock.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(lambda image: _with_crop(image, save_dir, out, challenge), first)) + rest


def _with_crop(image: SiteImage, save_dir: Path, out: Path, challenge: Challenge) -> SiteImage:
    models = {
        item.id: (item.entry.model, value) for item, value in zip(image.entries, image.psnr, strict=True)
    }
    source = crops.Source(save_dir, image.mode, image.name, models, challenge.scale, challenge.border)
    return replace(image, crop=crops.write(source, out / "crops" / image.id))


def refused(images: list[SiteImage]) -> list[str]:
    """A line per entry whose pictures are not those of its record."""
    counts = Counter(key for image in images if image.crop for key in image.crop.refused)
    return [
        f"{key}: {count} of its pictures in images/ do not fit its record (another PSNR or size) and are not shown; "
        "evaluate it again with --save_images"
        for key, count in counts.items()
    ]


def pages(images: list[SiteImage]) -> dict[tuple[str, str], str]:
    return {(image.mode, image.name): image.id for image in images}


def list_context(images: list[SiteImage]) -> dict[str, Any]:
    """Variables of images.html."""
    rows = []
    for image in images:
        values = np.array(image.psnr)
        best = image.entries[int(np.nanargmax(values))].entry.model if np.isfinite(values).any() else "–"
        rows.append(
            {
                "id": image.id,
                "name": image.name,
                "mode": image.mode,
                "median": format_number(image.median, 2),
                "spread": format_number(image.spread, 3),
                "best": best,
            }
        )
    return {"images": rows}


def context(
    image: SiteImage, group: Group, neighbours: tuple[SiteImage | None, SiteImage | None]
) -> dict[str, Any]:
    """Variables of image.html."""
    values = dict(zip((item.id for item in image.entries), image.psnr, strict=True))
    base = values.get(group.baseline.id) if group.baseline else None
    rows = []
    for item in sorted(image.entries, key=lambda item: -np.nan_to_num(values[item.id], nan=-math.inf)):
        times = item.entry.runtimes.get(image.mode)
        value = values[item.id]
        gain = value - base if base is not None and math.isfinite(value) and math.isfinite(base) else math.nan
        rows.append(
            {
                "id": item.id,
                "model": item.entry.model,
                "psnr": format_number(value, 3),
                "gain": "–" if math.isnan(gain) else f"{gain:+.3f}",
                "runtime": format_number(float(times[image.index]), 2) if times is not None else "–",
            }
        )
    finite = [value for value in values.values() if math.isfinite(value)]
    return {
        "id": image.id,
        "name": image.name,
        "mode": image.mode,
        "rows": rows,
        "crops": _crops(image, rows),
        "crop_rule": crops.RULE,
        "low": format_number(min(finite, default=math.nan), 2),
        "high": format_number(max(finite, default=math.nan), 2),
        "before": neighbours[0],
        "after": neighbours[1],
    }


def _crops(image: SiteImage, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    if image.crop is None:
        return []
    fixed = [("HR", "_hr", image.crop.hr), ("LR", "_lr", image.crop.lr)]
    shown = [{"title": title, "file": file, "psnr": ""} for title, file, there in fixed if there]
    return shown + [
        {"title": row["model"], "file": row["id"], "psnr": row["psnr"] + " dB"}
        for row in rows
        if row["id"] in image.crop.models
    ]


def compare_data(images: list[SiteImage], group: Group) -> dict[str, Any]:
    """What compare.js reads: entries in the order of the ranking, and PSNR of each on each image."""
    models = [item for item in group.listed if item.entry.ok]
    listed = []
    for image in sorted(images, key=lambda image: (image.crop is None, -image.spread)):
        values = dict(zip((item.id for item in image.entries), image.psnr, strict=True))
        listed.append(
            {
                "id": image.id,
                "name": image.name,
                "psnr": [_rounded(values.get(item.id)) for item in models],
                "crop": None
                if image.crop is None
                else {"models": image.crop.models, "hr": image.crop.hr, "lr": image.crop.lr},
            }
        )
    return {
        "crop": crops.SIDE,
        "images": listed,
        "models": [
            {"id": item.id, "name": item.entry.model, "index": index} for index, item in enumerate(models)
        ],
    }


def _rounded(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return json_number(round(value, 3))
