"""The page of one entry."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from eval.records.public import without_paths
from eval.records.schema import Artifact
from leaderboard.confidence.robustness import FIRM_SHARE, VARIANT_TITLES, PairCheck
from leaderboard.entry import Entry
from leaderboard.site.claims import claim_lines, claims_of
from leaderboard.site.index import TRACK_TITLES, flags_of
from leaderboard.site.listing import EntryGroup, Listed
from leaderboard.site.page import Page, SiteData
from leaderboard.site.team_images import extremes, image_charts
from leaderboard.tables.columns import PrintedColumn
from leaderboard.tables.numbers import format_number, known

# What a page says of the machine: what explains a runtime, and nothing that names the machine or its owner.
MACHINE_FACTS = ("cpu", "cores", "usable_cores", "memory_mib", "system", "kernel", "python")


def _files(data: SiteData) -> Iterator[tuple[str, dict[str, Any]]]:
    for group, checks in zip(data.groups, data.checks, strict=True):
        pages = (
            {(image.split, image.name): image.id for image in data.images} if group is data.groups[0] else {}
        )
        for item in group.listed:
            yield f"team/{item.id}.html", context(item, group, checks, pages, data)


TEAM_PAGE = Page("team.html", _files)


def context(
    item: Listed,
    group: EntryGroup,
    checks: list[PairCheck],
    image_pages: dict[tuple[str, str], str],
    data: SiteData,
) -> dict[str, Any]:
    """Variables of team.html. `image_pages` maps (split, image) to the name of its page."""
    row = item.row
    own = [check for check in checks if item.entry.model in (check.upper, check.lower)]
    split = "valid" if "valid" in item.entry.modes else next(iter(item.entry.modes), "valid")
    return {
        "model": item.entry.model,
        "team": row["team"],
        "rank": item.rank,
        "reason": row["reason"],
        "subranks": [
            f"{title} {int(row[key])}"
            for key, title in TRACK_TITLES.items()
            if key != "rank" and known(row.get(key))
        ],
        "tiles": _tiles(item, group),
        "flags": flags_of(row["flags"]),
        "checks": [{"title": _title(check, item.entry.model)} for check in own],
        "check_lines": _check_lines(own),
        "claims": claim_lines(claims_of(item, data.challenge)),
        "charts": image_charts(item, group, split, data.metric),
        "extremes": extremes(item, group, split, data.metric, image_pages),
        "metric": data.metric,
        "facts": _facts(item),
        "compare": urlencode({"a": item.id}),
    }


def _title(check: PairCheck, model: str) -> str:
    return f"before {check.lower}" if check.upper == model else f"behind {check.upper}"


def _check_lines(checks: list[PairCheck]) -> list[dict[str, Any]]:
    names = list(checks[0].outcomes) if checks else []
    lines = [
        {"title": VARIANT_TITLES[name], "cells": [_outcome(check, name) for check in checks]}
        for name in names
    ]
    if any(check.kept is not None for check in checks):
        lines.append({"title": "Resampled images", "cells": [_resampled(check.kept) for check in checks]})
    return lines


def _resampled(kept: float | None) -> dict[str, str]:
    if kept is None:
        return {"text": "not known", "css": ""}
    css = "holds" if kept >= FIRM_SHARE else "ties" if kept > 1 - FIRM_SHARE else "reverses"
    return {"text": f"{kept:.1%} keep it", "css": css}


def _outcome(check: PairCheck, name: str) -> dict[str, str]:
    text: str = check.outcomes[name]
    css = text.split()[0]
    if name in check.dropped:
        text = ", ".join(check.dropped[name]) + " drops out"
    return {"text": text, "css": css}


def _tiles(item: Listed, group: EntryGroup) -> list[dict[str, str]]:
    row = item.row
    tiles = []
    if known(row["score_final"]) and group.ranks_by.metric is None:
        score = format_number(row["score_final"], 3)
        tiles.append({"title": "Score", "value": score, "note": row["reference"]})
    return tiles + [
        {
            "title": column.heading,
            "value": column.text(row[column.name]),
            "note": _against(item, group, column),
        }
        for column in group.columns
        if known(row.get(column.name))
    ]


def _against(item: Listed, group: EntryGroup, column: PrintedColumn) -> str:
    """The figure against the baseline's: a difference for means, a ratio for costs."""
    if group.baseline is None or group.baseline is item or not known(group.baseline.row.get(column.name)):
        return "is the baseline" if group.baseline is item else ""
    if column.name == "runtime_ms" and known(item.row["runtime_ratio"]):
        return f"{item.row['runtime_ratio']:.2f} × {item.row['reference']}"
    value, base = item.row[column.name], group.baseline.row[column.name]
    if column.metric:
        unit = f" {column.unit}" if column.unit else ""
        return f"{value - base:+.{column.decimals + 1}f}{unit} to the baseline"
    return f"{value / base:.2f} × the baseline" if base else ""


def _facts(item: Listed) -> list[tuple[str, str]]:
    record = item.entry.record
    submission, checkpoint = record.submission, record.submission.checkpoint
    facts = [
        ("Source", f"published, {record.imported_from}" if record.source == "imported" else "measured here"),
        ("Machine", item.entry.conditions.machine or "not stated"),
        ("Details", _machine(record.machine)),
        ("Images", without_paths(record.dataset)),
        ("Protocol", item.entry.conditions.protocol),
        ("Confinement", record.sandbox),
        ("Checkpoint", _artifact(checkpoint, f" ({checkpoint.source})" if checkpoint else "")),
        ("Script", _artifact(submission.script)),
        ("Manifest", _artifact(submission.manifest)),
        ("Record", f"{record.sequence:06d}, {record.created:%Y-%m-%d %H:%M} UTC" if record.sequence else ""),
        ("Mean of repeats", _mean_of_repeats(item.entry)),
        *_further_figures(item.row),
        ("Dead weight", record.complexity.dead_weight if record.complexity else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _mean_of_repeats(entry: Entry) -> str:
    """Beside the median that ranks under `robust`: they differ if some repeats were much faster than others."""
    means = [mode.runtime.mean for mode in entry.modes.values() if mode.runtime]
    if entry.conditions.protocol != "robust" or not means:
        return ""
    return format_number(math.fsum(means) / len(means), 2) + " ms"


def _further_figures(row: dict[str, Any]) -> list[tuple[str, str]]:
    figures = (
        ("Median runtime", "runtime_median_ms", 2, " ms"),
        ("First call", "cold_ms", 1, " ms"),
        ("Activations [M]", "activations_m", 2, ""),
        ("Memory [MiB]", "memory_mib", 1, ""),
        ("Convolutions", "num_conv", 0, ""),
    )
    return [
        (name, format_number(row[key], decimals) + unit)
        for name, key, decimals, unit in figures
        if known(row.get(key))
    ]


def _machine(machine: dict[str, Any]) -> str:
    facts = {
        name: machine[name] for name in MACHINE_FACTS if isinstance(machine.get(name), str | int | float)
    }
    shown = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in facts.items()}
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in shown.items())


def _artifact(artifact: Artifact | None, source: str = "") -> str:
    return f"{without_paths(artifact.file)}{source}, sha256 {artifact.sha256}" if artifact else ""
