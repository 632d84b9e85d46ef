"""The page of one image: every entry on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from leaderboard.site import crops
from leaderboard.site.images import SiteImage
from leaderboard.site.listing import EntryGroup
from leaderboard.site.page import Page, SiteData
from leaderboard.tables.numbers import format_number


def _files(data: SiteData) -> Iterator[tuple[str, dict[str, Any]]]:
    in_order = sorted(data.images, key=lambda image: image.id)
    for place, image in enumerate(in_order):
        before = in_order[place - 1] if place else None
        after = in_order[place + 1] if place + 1 < len(in_order) else None
        yield f"image/{image.id}.html", context(image, data.groups[0], (before, after))


IMAGE_PAGE = Page("image.html", _files)


def context(
    image: SiteImage, group: EntryGroup, neighbours: tuple[SiteImage | None, SiteImage | None]
) -> dict[str, Any]:
    """Variables of image.html."""
    rows = _rows(image, group)
    finite = [value for value in image.values if math.isfinite(value)]
    decimals = image.metric.decimals
    return {
        "id": image.id,
        "name": image.name,
        "split": image.split,
        "metric": image.metric,
        "rows": rows,
        "crops": _crops(image, rows),
        "crop_rule": crops.RULE,
        "low": format_number(min(finite, default=math.nan), decimals),
        "high": format_number(max(finite, default=math.nan), decimals),
        "before": neighbours[0],
        "after": neighbours[1],
    }


def _rows(image: SiteImage, group: EntryGroup) -> list[dict[str, str]]:
    values = dict(zip((item.id for item in image.entries), image.values, strict=True))
    base = values.get(group.baseline.id, math.nan) if group.baseline else math.nan
    decimals = image.metric.decimals + 1
    rows = []
    for item, value in image.best_first():
        times = item.entry.runtimes.get(image.split)
        gain = value - base if math.isfinite(value) and math.isfinite(base) else math.nan
        rows.append(
            {
                "id": item.id,
                "model": item.entry.model,
                "value": format_number(value, decimals),
                "gain": "–" if math.isnan(gain) else f"{gain:+.{decimals}f}",
                "runtime": format_number(float(times[image.index]), 2) if times is not None else "–",
            }
        )
    return rows


def _crops(image: SiteImage, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    if image.crop is None:
        return []
    fixed = [("HR", "_hr", image.crop.hr), ("LR", "_lr", image.crop.lr)]
    shown = [{"title": title, "file": file, "figure": ""} for title, file, there in fixed if there]
    return shown + [
        {"title": row["model"], "file": row["id"], "figure": f"{row['value']} {image.metric.unit}".strip()}
        for row in rows
        if row["id"] in image.crop.models
    ]
