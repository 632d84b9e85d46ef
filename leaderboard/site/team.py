"""What the page of one entry shows."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

import numpy as np

from leaderboard import checks
from leaderboard.entry import Array
from leaderboard.robustness import FIRM_SHARE, VARIANT_TITLES, PairCheck
from leaderboard.site import charts
from leaderboard.site.index import FIGURES, TRACK_TITLES, flags_of
from leaderboard.site.listing import Group, Listed, known
from leaderboard.tables import format_number

EXTREMES = 5
QUALITY = ("val_psnr", "test_psnr", "val_ssim")  # compared by difference, costs by ratio
# A claim's key in a manifest -> the row's column, title and decimals.
CLAIMS = {
    "psnr_valid_db": ("val_psnr", "Val PSNR [dB]", 2),
    "psnr_test_db": ("test_psnr", "Test PSNR [dB]", 2),
    "ssim_valid": ("val_ssim", "Val SSIM", 4),
    "runtime_ms": ("runtime_ms", "Runtime [ms]", 2),
    "flops_g": ("flops_g", "FLOPs [G]", 2),
    "params_m": ("params_m", "Parameters [M]", 4),
    "activations_m": ("activations_m", "Activations [M]", 2),
    "memory_mib": ("memory_mib", "Memory [MiB]", 1),
    "convs": ("num_conv", "Convolutions", 0),
}


def context(
    item: Listed,
    group: Group,
    checks: list[PairCheck],
    image_pages: dict[tuple[str, str], str],
    judged_on: str = "",
) -> dict[str, Any]:
    """Variables of team.html. `image_pages` maps (mode, image) to the name of its page; `judged_on` is the machine of
    the challenge's organisers, on which a claim without a machine is taken to be measured.
    """
    row = item.row
    own = [check for check in checks if item.entry.model in (check.upper, check.lower)]
    mode = "valid" if "valid" in item.entry.modes else next(iter(item.entry.modes), "valid")
    best, worst = _extremes(item, group, mode, image_pages)
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
        "claims": _claims(item, judged_on),
        "charts": _charts(item, group, mode),
        "best": best,
        "worst": worst,
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
        cells = []
        for check in checks:
            kept = check.kept
            css = (
                ""
                if kept is None
                else "holds"
                if kept >= FIRM_SHARE
                else "ties"
                if kept > 1 - FIRM_SHARE
                else "reverses"
            )
            cells.append({"text": "not known" if kept is None else f"{kept:.1%} keep it", "css": css})
        lines.append({"title": "Resampled images", "cells": cells})
    return lines


def _outcome(check: PairCheck, name: str) -> dict[str, str]:
    text: str = check.outcomes[name]
    css = text.split()[0]
    if name in check.dropped:
        text = ", ".join(check.dropped[name]) + " drops out"
    return {"text": text, "css": css}


def _tiles(item: Listed, group: Group) -> list[dict[str, str]]:
    row = item.row
    tiles = []
    if known(row["score_final"]):
        tiles.append(
            {"title": "Score", "value": format_number(row["score_final"], 3), "note": row["reference"]}
        )
    for key, title, unit, decimals in FIGURES:
        if known(row.get(key)):
            tiles.append(
                {
                    "title": f"{title} [{unit}]",
                    "value": format_number(row[key], decimals),
                    "note": _against(item, group, key),
                }
            )
    return tiles


def _against(item: Listed, group: Group, key: str) -> str:
    """The figure against the baseline's: a difference for PSNR, a ratio for costs."""
    if group.baseline is None or group.baseline is item or not known(group.baseline.row.get(key)):
        return "is the baseline" if group.baseline is item else ""
    if key == "runtime_ms" and known(item.row["runtime_ratio"]):
        return f"{item.row['runtime_ratio']:.2f} × {item.row['reference']}"
    base = group.baseline.row[key]
    if "psnr" in key:
        return f"{item.row[key] - base:+.3f} dB to the baseline"
    return f"{item.row[key] / base:.2f} × the baseline" if base else ""


def _claims(item: Listed, judged_on: str) -> list[dict[str, str]]:
    found = []
    for key, (column, title, decimals) in CLAIMS.items():
        claimed = item.entry.record.submission.claims.get(key)
        if not isinstance(claimed, int | float) or isinstance(claimed, bool):
            continue
        measured = item.row.get(column)
        difference = "–"
        if known(measured) and measured is not None and math.isfinite(measured) and claimed:
            difference = _incomparable(item, column, judged_on) or (
                f"{measured - claimed:+.{decimals}f}"
                if column in QUALITY
                else f"{measured / claimed - 1:+.1%}"
            )
        found.append(
            {
                "title": title,
                "claimed": format_number(float(claimed), decimals),
                "measured": format_number(measured, decimals),
                "difference": difference,
            }
        )
    return found


def _incomparable(item: Listed, column: str, judged_on: str) -> str:
    """Why a claim and a measurement differ for other reasons than the submission; empty where they compare."""
    record = item.entry.record
    if column in QUALITY:
        return "other images" if item.row["ranked_by"] == "psnr" else ""
    if column not in ("runtime_ms", "memory_mib"):
        return ""
    claimed_on = str(record.submission.claims.get("device") or judged_on).lower().split()
    here = item.entry.conditions.machine.lower().split()
    return "" if all(word in here for word in claimed_on if word != "nvidia") else "other machine"


def gains(item: Listed, group: Group, mode: str) -> tuple[Array, bool]:
    """PSNR per image of `mode`, as the difference to the baseline where it saw the same images (then True)."""
    own = item.entry.metric(mode, "psnr")
    base = group.baseline
    if base is None or base is item or base.entry.image_names(mode) != item.entry.image_names(mode):
        return own, False
    with np.errstate(invalid="ignore"):
        return own - base.entry.metric(mode, "psnr"), True


def _charts(item: Listed, group: Group, mode: str) -> list[dict[str, Any]]:
    found = []
    values, relative = gains(item, group, mode)
    if len(values):
        title = f"PSNR per {mode} image" + (", against the baseline" if relative else "")
        better = (
            f"Better than the baseline on {int((values > 0).sum())} of {len(values)} images."
            if relative
            else f"{len(values)} images."
        )
        svg = charts.histogram(values, "dB", f"{title} of {item.entry.model}: {better}")
        found.append({"title": title, "svg": svg, "caption": better})
    first = next(iter(item.entry.runtimes), None)
    if first:
        times = item.entry.runtimes[first]
        cold = checks.cold_start(item.entry) is not None
        caption = f"Median {np.median(times):.2f} ms, mean {times.mean():.2f} ms."
        if cold:
            caption += f" The first call took {times[0]:.1f} ms."
        title = f"Runtime per {first} image [ms]"
        found.append(
            {
                "title": title,
                "svg": charts.sequence(times, cold, f"{title} of {item.entry.model}. {caption}"),
                "caption": caption,
            }
        )
    return [chart for chart in found if chart["svg"]]


def _extremes(
    item: Listed, group: Group, mode: str, pages: dict[tuple[str, str], str]
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    values, relative = gains(item, group, mode)
    if not len(values):
        return None, None
    own, names = item.entry.metric(mode, "psnr"), item.entry.image_names(mode)
    times = item.entry.runtimes.get(mode)
    order = np.argsort(np.nan_to_num(values, nan=0.0), kind="stable")

    def listed(indices: Any, title: str) -> dict[str, Any]:
        images = [
            {
                "name": names[i],
                "page": pages.get((mode, names[i])),
                "psnr": format_number(float(own[i]), 2),
                "gain": f"{values[i]:+.3f}" if relative else "",
                "runtime": format_number(float(times[i]), 2) if times is not None else "–",
            }
            for i in indices
        ]
        return {"title": title, "column": "to the baseline" if relative else "", "images": images}

    return listed(order[::-1][:EXTREMES], "Best images"), listed(order[:EXTREMES], "Worst images")


def _facts(item: Listed) -> list[tuple[str, str]]:
    record = item.entry.record
    checkpoint = record.submission.checkpoint
    machine = ", ".join(
        f"{key.replace('_', ' ')}: {value:.6g}"
        if isinstance(value, float)
        else f"{key.replace('_', ' ')}: {value}"
        for key, value in record.machine.items()
        if isinstance(value, str | int | float)
    )
    facts = [
        ("Source", f"published, {record.imported_from}" if record.source == "imported" else "measured here"),
        ("Machine", item.entry.conditions.machine or "not stated"),
        ("Details", machine[:600]),
        ("Images", record.dataset),
        ("Protocol", item.entry.conditions.protocol),
        ("Confinement", record.sandbox),
        (
            "Checkpoint",
            f"{checkpoint.file} ({checkpoint.source}), sha256 {checkpoint.sha256}" if checkpoint else "",
        ),
        ("Script", _artifact(record.submission.script)),
        ("Manifest", _artifact(record.submission.manifest)),
        ("Record", f"{record.sequence:06d}, {record.created:%Y-%m-%d %H:%M} UTC" if record.sequence else ""),
    ]
    for name, key, decimals in (
        ("Median runtime", "runtime_median_ms", 2),
        ("First call", "cold_ms", 1),
        ("Activations [M]", "activations_m", 2),
        ("Memory [MiB]", "memory_mib", 1),
        ("Convolutions", "num_conv", 0),
    ):
        if known(item.row.get(key)):
            unit = " ms" if key.endswith("_ms") else ""
            facts.append((name, format_number(item.row[key], decimals) + unit))
    return [(name, value) for name, value in facts if value]


def _artifact(artifact: Any) -> str:
    return f"{artifact.file}, sha256 {artifact.sha256}" if artifact else ""
