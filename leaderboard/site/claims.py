"""What a factsheet claims beside what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from eval.challenge import Challenge
from eval.metrics.registry import METRICS
from eval.records.schema import is_figure
from leaderboard.site.listing import Listed
from leaderboard.tables.numbers import format_number, known


@dataclass(frozen=True)
class ClaimedFigure:
    """One claim of a manifest: its column of the ranking, and how it is shown. quality: a mean of a metric."""

    column: str
    title: str
    decimals: int
    quality: bool = False


def _mean(metric: str, prefix: str) -> ClaimedFigure:
    one = METRICS[metric]
    return ClaimedFigure(f"{prefix.lower()}_{metric}", f"{prefix} {one.heading}", one.decimals, quality=True)


CLAIMS = {
    "psnr_valid_db": _mean("psnr", "Val"),
    "psnr_test_db": _mean("psnr", "Test"),
    "ssim_valid": _mean("ssim", "Val"),
    "ssim_test": _mean("ssim", "Test"),
    "runtime_ms": ClaimedFigure("runtime_ms", "Runtime [ms]", 2),
    "flops_g": ClaimedFigure("flops_g", "FLOPs [G]", 2),
    "params_m": ClaimedFigure("params_m", "Parameters [M]", 4),
    "activations_m": ClaimedFigure("activations_m", "Activations [M]", 2),
    "memory_mib": ClaimedFigure("memory_mib", "Memory [MiB]", 1),
    "convs": ClaimedFigure("num_conv", "Convolutions", 0),
}


def claim_lines(item: Listed, challenge: Challenge) -> list[dict[str, str]]:
    """A line for each claimed figure. Means compare by difference, costs by ratio.

    A claim that names no machine is taken to be measured on the machine of the challenge's organisers.
    """
    claims = item.entry.record.submission.claims
    return [
        _line(item, figure, float(claims[key]), challenge)
        for key, figure in CLAIMS.items()
        if is_figure(claims.get(key))
    ]


def _line(item: Listed, figure: ClaimedFigure, claimed: float, challenge: Challenge) -> dict[str, str]:
    measured: Any = item.row.get(figure.column)
    difference = "–"
    if known(measured) and math.isfinite(measured) and claimed:
        difference = _incomparable(item, figure, challenge) or (
            f"{measured - claimed:+.{figure.decimals}f}"
            if figure.quality
            else f"{measured / claimed - 1:+.1%}"
        )
    return {
        "title": figure.title,
        "claimed": format_number(claimed, figure.decimals),
        "measured": format_number(measured, figure.decimals),
        "difference": difference,
    }


def _incomparable(item: Listed, figure: ClaimedFigure, challenge: Challenge) -> str:
    """Why a claim and a measurement differ for other reasons than the submission; empty if they compare."""
    record = item.entry.record
    if figure.quality:
        return "" if item.entry.owned_by(challenge) else "other images"
    if figure.column not in ("runtime_ms", "memory_mib"):
        return ""
    claimed_on = str(record.submission.claims.get("device") or challenge.device).lower().split()
    here = item.entry.conditions.machine.lower().split()
    return "" if all(word in here for word in claimed_on if word != "nvidia") else "other machine"
