"""The first page: the ranking, plots, and how to read them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from eval.records.flags import joined
from eval.records.schema import Flag, json_number
from leaderboard.confidence.robustness import PairCheck
from leaderboard.rules import rule_of
from leaderboard.site.claims import claim_tags, claims_of
from leaderboard.site.listing import EntryGroup, Listed
from leaderboard.site.page import Page, SiteData
from leaderboard.site.plots import plot_data, plotted_costs, plotted_quality, threshold
from leaderboard.site.reading import reading
from leaderboard.tables.columns import (
    PrintedColumn,
    figure_columns,
    final_column,
    protocols,
    quality_columns,
    ranked_by,
    ranking_column,
)
from leaderboard.tables.marks import short_reason
from leaderboard.tables.numbers import format_number, known

TIES_SHOWN = 2
TRACK_TITLES = {
    "rank": "Overall",
    "rank_runtime": "Runtime",
    "rank_flops": "FLOPs",
    "rank_params": "Parameters",
}
# Bounds of sets of ranks, which are no ranks in a track
BOUNDS = ("rank_low", "rank_high")
# A variant's name -> the choice it changes, as the table names it.
SHORT = {
    "median": "mean or median",
    "no_cold": "cold start",
    "strict": "rounding",
    "rounded": "rounding",
    "equal_weights": "weights",
    "less_runtime": "weights",
    "more_runtime": "weights",
    "images": "images",
}


def _files(data: SiteData) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "index.html", context(data)


def _scripts(data: SiteData) -> dict[str, tuple[str, Any]]:
    return {"data.js": ("SR_DATA", plot_data(data.challenge, data.groups))}


INDEX_PAGE = Page("index.html", _files, "Ranking", _scripts)


def context(data: SiteData) -> dict[str, Any]:
    """Variables of index.html."""
    columns = _columns(data)
    quality = plotted_quality(data.groups)
    claims = _claims(data)
    return {
        "notes": data.ranking.attrs.get("notes", []),
        "rule_text": rule_of(data.challenge).rule_text(),
        "reading": reading(data.challenge),
        "ranked_by": ""
        if _protocol(data) in rule_of(data.challenge).rule_text()
        else ranked_by(data.ranking),
        "protocols": protocols(data.ranking, quality_columns(data.ranking)),
        "tracks": tracks(data.groups),
        "columns": [_head(column) for column in columns],
        "quality": _short(data.ranking),
        "groups": [
            _group(group, found, columns, data.ranking, claims, first=index == 0)
            for index, (group, found) in enumerate(zip(data.groups, data.checks, strict=True))
        ],
        "plots": plotted_costs(data.groups),
        "threshold": threshold(data.challenge, data.groups),
        "plotted": quality.heading if quality else "",
        "claims": any(claims.values()),
    }


def _claims(data: SiteData) -> dict[str, list[dict[str, str]]]:
    """The counts of verdicts on each entry's claims, by the entry's `id`."""
    listed = [item for group in data.groups for item in group.listed]
    return {item.id: claim_tags(claims_of(item, data.challenge)) for item in listed}


def _protocol(data: SiteData) -> str:
    """The protocol of the metric that ranks; a line end, which no text has, if a score does."""
    metric = ranking_column(data.ranking).metric
    return metric.protocol if metric else "\n"


def _short(ranking: pd.DataFrame) -> list[PrintedColumn]:
    """The means of the metric that ranks first alone, for tables with a reason in each row."""
    columns = quality_columns(ranking)
    return [column for column in columns if column.metric == columns[0].metric]


def tracks(groups: list[EntryGroup]) -> list[dict[str, str]]:
    """The tracks of the first group: the table that can be switched between them."""
    rows = [item.row for item in groups[0].listed] if groups else []
    names = [name for name in (rows[0] if rows else {}) if _is_rank(name)]
    found = [name for name in names if any(known(row[name]) for row in rows)]
    return [
        {
            "key": name.replace("_", "-"),
            "title": TRACK_TITLES.get(name, name.removeprefix("rank_").capitalize()),
        }
        for name in found
    ]


def _columns(data: SiteData) -> list[PrintedColumn]:
    """The figures of the table; a score that repeats the metric of the rule is left out."""
    ranking = data.ranking
    repeated = bool(data.groups) and data.groups[0].ranks_by.metric is not None
    applies = bool(ranking["score_final"].notna().any()) and not repeated
    return [*([final_column(ranking)] if applies else []), *figure_columns(ranking)]


def _head(column: PrintedColumn) -> dict[str, str]:
    """The head of a column. `first` is the direction of the first click: the one that puts the best on top."""
    return {
        "key": column.name,
        "title": column.title,
        "unit": column.unit,
        "protocol": column.metric.protocol if column.metric else "",
        "first": "ascending" if column.lower_is_better else "descending",
    }


def _group(
    group: EntryGroup,
    checks: list[PairCheck],
    columns: list[PrintedColumn],
    ranking: pd.DataFrame,
    claims: dict[str, list[dict[str, str]]],
    first: bool,
) -> dict[str, Any]:
    ranked = [item for item in group.listed if item.row["eligible"]]
    best = {column.name: _best(ranked, column) for column in columns}
    quality = _short(ranking)
    return {
        "label": group.label,
        "first": first,
        "ranked": [
            {**_row(item, group, checks, columns, best), "claims": claims[item.id]} for item in ranked
        ],
        "reference": _reference(group, columns),
        "below": [_below(item, quality) for item in group.listed if not item.row["eligible"]],
    }


def _reference(group: EntryGroup, columns: list[PrintedColumn]) -> list[str]:
    """The cells of bicubic enlargement; empty if it was not measured in the group."""
    if not any(column.name in group.reference for column in columns):
        return []
    return [column.text(group.reference.get(column.name)) for column in columns]


def _row(
    item: Listed,
    group: EntryGroup,
    checks: list[PairCheck],
    columns: list[PrintedColumn],
    best: dict[str, Any],
) -> dict[str, Any]:
    row = item.row
    tags = firm_tags(item, checks)
    return {
        "id": item.id,
        "rank": item.rank,
        "model": item.entry.model,
        "baseline": item is group.baseline,
        "subtitle": subtitle(item, group),
        "flags": row["flags"],
        "cells": [
            {**_cell(row.get(column.name), column, best[column.name]), "interval": _interval(row, column)}
            for column in columns
        ],
        "tags": tags,
        "doubts": _doubts(row["flags"]),
        "firm_value": tags[0]["text"] if tags else "",
        "find": f"{item.entry.model} {row['team']} {row['flags']}".lower(),
        "ranks": {
            key.replace("_", "-"): "" if not known(value) else int(value)
            for key, value in row.items()
            if _is_rank(key)
        },
        "rank_set": row["ranks"],
    }


def _cell(value: float | None, column: PrintedColumn, best: float | None) -> dict[str, str]:
    marks = (("score", column.name == "score_final"), ("best", known(value) and value == best))
    css = " ".join(name for name, on in marks if on)
    return {"value": _sortable(value), "text": column.text(value), "css": css}


def _interval(row: Mapping[str, Any], column: PrintedColumn) -> str:
    """The 95% interval of a ratio; empty for other columns, and if there is none."""
    if column.name != "ratio" or not (known(row["ratio_low"]) and row["ratio_low"] < row["ratio_high"]):
        return ""
    return f"{row['ratio_low']:.3f} to {row['ratio_high']:.3f}"


def _doubts(flags: str) -> list[dict[str, str]]:
    """One tag for each name of a flag, with all its reasons."""
    found = joined([Flag(**flag) for flag in flags_of(flags)])
    return [{"text": flag.name.replace("_", " "), "title": flag.reason} for flag in found]


def _is_rank(name: str) -> bool:
    return name == "rank" or (name.startswith("rank_") and name not in BOUNDS)


def _sortable(value: float | None) -> str:
    """As JavaScript's `Number` reads it; empty if it is not known."""
    if value is None or not known(value):
        return ""
    return f"{value:.9g}" if math.isfinite(value) else str(json_number(value))


def _best(ranked: list[Listed], column: PrintedColumn) -> float | None:
    """The best figure of a column; None if there is nothing to be better than."""
    values: list[float] = [item.row[column.name] for item in ranked if known(item.row.get(column.name))]
    if len(values) < 2:
        return None
    return min(values) if column.lower_is_better else max(values)


def subtitle(item: Listed, group: EntryGroup) -> str:
    """The line below an entry's name: team, whether it is the baseline, and whose checkpoint it is."""
    parts = [item.row["team"], "baseline" if item is group.baseline else "", item.row["checkpoint_source"]]
    return " · ".join(part for part in parts if part and part != item.entry.model)


def firm_tags(item: Listed, checks: list[PairCheck]) -> list[dict[str, str]]:
    """How firm the place is: ties, firm, or what it depends on."""
    own = [check for check in checks if item.entry.model in (check.upper, check.lower)]
    if item.row["ties with"]:
        others = item.row["ties with"].split(", ")
        more = f" and {len(others) - TIES_SHOWN} more" if len(others) > TIES_SHOWN else ""
        text = "ties with " + ", ".join(others[:TIES_SHOWN]) + more
        return [
            {"text": text, "css": "warn", "title": "Resampling the images does not separate these entries"}
        ]
    names = {name for check in own for name in check.doubts_for(item.entry.model)}
    if own and not names:
        return [{"text": "✓ firm", "css": "firm", "title": "No other defensible choice changes its order"}]
    if own:
        shown = list(dict.fromkeys(SHORT[name] for name in SHORT if name in names))
        title = "Another choice of these changes its order to a neighbour"
        return [{"text": "depends on " + ", ".join(shown), "css": "warn", "title": title}]
    return []


def flags_of(text: str) -> list[dict[str, str]]:
    """The parts of a row's `flags` text."""
    parts = [part.partition(": ") for part in text.split("; ") if part]
    return [{"name": name, "reason": reason} for name, _, reason in parts]


def _below(item: Listed, quality: list[PrintedColumn]) -> dict[str, Any]:
    row = item.row
    return {
        "id": item.id,
        "model": item.entry.model,
        "reason": short_reason(row["reason"]),
        "means": [column.text(row[column.name]) for column in quality],
        "runtime": format_number(row.get("runtime_ms"), 2),
    }
