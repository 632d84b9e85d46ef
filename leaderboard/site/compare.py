"""The page that compares two entries on one image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from eval.records.schema import json_number
from leaderboard.site import crops
from leaderboard.site.images import SiteImage
from leaderboard.site.listing import Listed
from leaderboard.site.page import Page, SiteData


def _files(_data: SiteData) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "compare.html", {"crop_rule": crops.RULE}


def _scripts(data: SiteData) -> dict[str, tuple[str, Any]]:
    return {"compare-data.js": ("SR_COMPARE", compare_data(data))}


COMPARE_PAGE = Page("compare.html", _files, "Compare", _scripts)


def compare_data(data: SiteData) -> dict[str, Any]:
    """What compare.js reads: entries in the order of the ranking, and the metric of each on each image."""
    models = [item for item in data.groups[0].listed if item.entry.ok] if data.groups else []
    in_order = sorted(data.images, key=lambda image: (image.crop is None, -image.spread))
    return {
        "crop": crops.SIDE,
        "metric": data.metric.title,
        "unit": data.metric.unit,
        "decimals": data.metric.decimals,
        "images": [_image(image, models) for image in in_order],
        "models": [
            {"id": item.id, "name": item.entry.model, "index": index} for index, item in enumerate(models)
        ],
    }


def _image(image: SiteImage, models: list[Listed]) -> dict[str, Any]:
    values = dict(zip((item.id for item in image.entries), image.values, strict=True))
    crop = image.crop
    return {
        "id": image.id,
        "name": image.name,
        "values": [_rounded(values.get(item.id), image.metric.decimals + 1) for item in models],
        "crop": None if crop is None else {"models": crop.models, "hr": crop.hr, "lr": crop.lr},
    }


def _rounded(value: float | None, decimals: int) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return json_number(round(value, decimals))
