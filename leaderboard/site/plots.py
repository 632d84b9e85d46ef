"""The scatter plots of the first page: quality against each cost."""

from __future__ import annotations

import math
from typing import Any

from eval.challenge import Challenge
from leaderboard.row import SPLIT_NAMES
from leaderboard.site.listing import EntryGroup, Listed
from leaderboard.tables.columns import COSTS, PrintedColumn
from leaderboard.tables.numbers import known


def plot_data(challenge: Challenge, groups: list[EntryGroup]) -> dict[str, Any]:
    """What plots.js reads."""
    quality = plotted_quality(groups)
    return {
        "points": points(groups),
        "threshold": threshold(challenge, groups),
        "title": quality.title if quality else "",
        "unit": quality.unit if quality else "",
        "decimals": quality.decimals if quality else 0,
        "lower": bool(quality and quality.lower_is_better),
    }


def plotted_costs(groups: list[EntryGroup]) -> list[PrintedColumn]:
    """The costs that any point has: a plot of others would be empty."""
    found = points(groups)
    return [column for column in COSTS if any(point[column.name] for point in found)]


def plotted_quality(groups: list[EntryGroup]) -> PrintedColumn | None:
    """The mean on the vertical axis: the one that ranks, else the first one of the first group."""
    if not groups:
        return None
    if groups[0].ranks_by.metric:
        return groups[0].ranks_by
    return next((column for column in groups[0].columns if column.metric), None)


def points(groups: list[EntryGroup]) -> list[dict[str, Any]]:
    """One point for each entry of the first group; several machines do not share an axis."""
    quality = plotted_quality(groups)
    if quality is None:
        return []
    return [_point(item, groups[0], quality) for item in groups[0].listed if _finite(item, quality.name)]


def threshold(challenge: Challenge, groups: list[EntryGroup]) -> float | None:
    """What the plotted mean must reach, if the score applies."""
    quality = plotted_quality(groups)
    if quality is None or groups[0].by_psnr:
        return None
    limits = {f"{SPLIT_NAMES[one.mode]}_{one.metric}": one.minimum for one in challenge.ranking.thresholds}
    return limits.get(quality.name)


def _finite(item: Listed, name: str) -> bool:
    value = item.row.get(name)
    return item.entry.ok and known(value) and not math.isinf(value or 0.0)


def _point(item: Listed, group: EntryGroup, quality: PrintedColumn) -> dict[str, Any]:
    costs = {column.name: item.row.get(column.name) for column in COSTS}
    return {
        "label": item.entry.model,
        "team": item.row["team"],
        "page": f"team/{item.id}.html",
        "quality": item.row[quality.name],
        "eligible": bool(item.row["eligible"]),
        "baseline": item is group.baseline,
        **{name: value if known(value) else None for name, value in costs.items()},
    }
