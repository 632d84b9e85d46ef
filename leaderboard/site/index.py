"""What the first page shows."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from eval.challenge import Challenge
from eval.records.schema import json_number
from leaderboard.robustness import PairCheck
from leaderboard.rules import rule_of
from leaderboard.site.listing import Group, Listed, known
from leaderboard.tables import format_number

FIGURES = [
    ("val_psnr", "Val PSNR", "dB", 2),
    ("test_psnr", "Test PSNR", "dB", 2),
    ("runtime_ms", "Runtime", "ms", 2),
    ("flops_g", "FLOPs", "G", 2),
    ("params_m", "Params", "M", 3),
]
TIES_SHOWN = 2
TRACK_TITLES = {
    "rank": "Overall",
    "rank_runtime": "Runtime",
    "rank_flops": "FLOPs",
    "rank_params": "Parameters",
}
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
COSTS = [("runtime_ms", "runtime [ms]"), ("flops_g", "FLOPs [G]"), ("params_m", "parameters [M]")]


def context(
    challenge: Challenge, groups: list[Group], checks: list[list[PairCheck]], frame: pd.DataFrame
) -> dict[str, Any]:
    """Variables of index.html. `checks` holds the neighbour checks of each group."""
    columns = _columns(frame)
    return {
        "notes": frame.attrs.get("notes", []),
        "rule_text": rule_of(challenge).rule_text(),
        "reading": reading(challenge),
        "tracks": tracks(groups),
        "columns": columns,
        "groups": [
            _group(group, found, columns, first=index == 0)
            for index, (group, found) in enumerate(zip(groups, checks, strict=True))
        ],
        "plots": [{"key": key, "title": title} for key, title in COSTS],
        "threshold": threshold(challenge, groups),
        "psnr_mode": psnr_mode(groups),
        "has_points": bool(points(groups)),
    }


def reading(challenge: Challenge) -> str:
    """How the runtime comes about, and what it is compared with."""
    runtime = (
        "Runtime is the mean over validation and test of the plain mean (protocol ntire) or of the median per image, "
        "averaged over images (protocol robust). "
    )
    compared = (
        "It is compared with the baseline measured in the same session; where there is none, in another session on "
        "the same machine; else with the published figures. "
    )
    flops = "FLOPs are multiply-adds at a 256×256 input."
    return runtime + (compared if rule_of(challenge).baseline else "") + flops


def tracks(groups: list[Group]) -> list[dict[str, str]]:
    """The tracks of the first group: the table that can be switched between them."""
    rows = [item.row for item in groups[0].listed] if groups else []
    names = [name for name in (rows[0] if rows else {}) if name == "rank" or name.startswith("rank_")]
    found = [name for name in names if any(known(row[name]) for row in rows)]
    return [
        {
            "key": name.replace("_", "-"),
            "title": TRACK_TITLES.get(name, name.removeprefix("rank_").capitalize()),
        }
        for name in found
    ]


def threshold(challenge: Challenge, groups: list[Group]) -> float | None:
    """The PSNR that the plotted mode must reach, where the score applies."""
    if any(group.by_psnr for group in groups[:1]):
        return None
    return next((t.minimum for t in challenge.ranking.thresholds if t.mode == psnr_mode(groups)), None)


def psnr_mode(groups: list[Group]) -> str:
    return "valid" if groups and any(known(item.row["val_psnr"]) for item in groups[0].listed) else "test"


def points(groups: list[Group]) -> list[dict[str, Any]]:
    """Points of the plots: the first group only, as several machines do not share an axis."""
    column = "val_psnr" if psnr_mode(groups) == "valid" else "test_psnr"
    found = []
    for item in groups[0].listed if groups else []:
        psnr = item.row[column]
        if not item.entry.ok or not known(psnr) or math.isinf(psnr):
            continue
        found.append(
            {
                "label": item.entry.model,
                "team": item.row["team"],
                "page": f"team/{item.id}.html",
                "psnr": psnr,
                "eligible": bool(item.row["eligible"]),
                "baseline": item is groups[0].baseline,
                **{key: item.row[key] if known(item.row[key]) else None for key, _ in COSTS},
            }
        )
    return found


def _columns(frame: pd.DataFrame) -> list[dict[str, str]]:
    shown = [_column("rank", "Rank"), _column("model", "Model", kind="text")]
    if frame["score_final"].notna().any():
        shown.append(_column("score_final", "Score"))
    for key, title, unit, _ in FIGURES:
        if key in frame and frame[key].notna().any():
            shown.append(_column(key, title, unit, first="descending" if "psnr" in key else "ascending"))
    return [*shown, _column("firm", "Order", kind="text")]


def _column(
    key: str, title: str, unit: str = "", kind: str = "number", first: str = "ascending"
) -> dict[str, str]:
    """`first` is the direction of the first click: the one that puts the best entry on top."""
    return {"key": key, "title": title, "unit": unit, "kind": kind, "first": first}


def _group(
    group: Group, checks: list[PairCheck], columns: list[dict[str, str]], first: bool
) -> dict[str, Any]:
    ranked = [item for item in group.listed if item.row["eligible"]]
    best = {column["key"]: _best(ranked, column["key"], column["first"]) for column in columns[2:-1]}
    return {
        "label": group.label,
        "first": first,
        "ranked": [_row(item, group, checks, columns, best) for item in ranked],
        "below": [_below(item) for item in group.listed if not item.row["eligible"]],
    }


def _row(
    item: Listed, group: Group, checks: list[PairCheck], columns: list[dict[str, str]], best: dict[str, Any]
) -> dict[str, Any]:
    row = item.row
    cells = []
    decimals = {key: digits for key, _, _, digits in FIGURES} | {"score_final": 3}
    for column in columns[2:-1]:
        key = column["key"]
        value = row.get(key)
        marks = (("score", key == "score_final"), ("best", known(value) and value == best[key]))
        css = " ".join(name for name, on in marks if on)
        cells.append(
            {
                "value": _sortable(value),
                "text": format_number(value, decimals[key]),
                "css": css,
            }
        )
    tags = firm_tags(item, checks)
    return {
        "id": item.id,
        "rank": item.rank,
        "model": item.entry.model,
        "baseline": item is group.baseline,
        "subtitle": subtitle(item, group),
        "flags": row["flags"],
        "cells": cells,
        "tags": tags,
        "doubts": [
            {"text": flag["name"].replace("_", " "), "title": flag["reason"]}
            for flag in flags_of(row["flags"])
        ],
        "firm_value": tags[0]["text"] if tags else "",
        "find": f"{item.entry.model} {row['team']} {row['flags']}".lower(),
        "ranks": {
            key.replace("_", "-"): "" if not known(value) else int(value)
            for key, value in row.items()
            if key == "rank" or key.startswith("rank_")
        },
    }


def _sortable(value: float | None) -> str:
    """As JavaScript's `Number` reads it; empty where it is not known."""
    if value is None or not known(value):
        return ""
    return f"{value:.9g}" if math.isfinite(value) else str(json_number(value))


def _best(ranked: list[Listed], key: str, first: str) -> float | None:
    """The best figure of a column; None where there is nothing to be better than."""
    values: list[float] = [item.row[key] for item in ranked if known(item.row.get(key))]
    if len(values) < 2:
        return None
    return max(values) if first == "descending" else min(values)


def subtitle(item: Listed, group: Group) -> str:
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


def _below(item: Listed) -> dict[str, str]:
    row = item.row
    return {
        "id": item.id,
        "model": item.entry.model,
        "reason": row["reason"],
        "val_psnr": format_number(row["val_psnr"], 2),
        "test_psnr": format_number(row["test_psnr"], 2),
        "runtime": format_number(row.get("runtime_ms"), 2),
    }
