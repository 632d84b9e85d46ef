"""Thresholds: which of them an entry misses, and how they read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from eval.challenge import Threshold
from eval.metrics.registry import metric_named
from leaderboard.entry import Entry


def failed_thresholds(entry: Entry, thresholds: Sequence[Threshold], strict: bool | None = None) -> list[str]:
    """Sentences for the thresholds that `entry` misses.

    `strict` True compares every mean unrounded, False rounds all to two decimals, None does as the rule says.
    """
    reasons = []
    for threshold in thresholds:
        mean = entry.mean(threshold.mode, threshold.metric)
        decimals = threshold.decimals if strict is None else "unrounded" if strict else 2
        shown = mean if decimals == "unrounded" else round(mean, decimals)
        if not threshold.model_copy(update={"decimals": decimals}).is_met_by(mean):
            reasons.append(_reason(threshold, shown, decimals))
    return reasons


def _reason(threshold: Threshold, shown: float, decimals: int | Literal["unrounded"]) -> str:
    metric = metric_named(threshold.metric)
    what, minimum = f"{threshold.mode} {metric.title}", metric.amount(threshold.minimum, 2)
    if math.isnan(shown):
        return f"{what} was not measured (at least {minimum})"
    return f"{what} {metric.amount(shown, 4 if decimals == 'unrounded' else decimals)} is below {minimum}"


def limit_text(threshold: Threshold) -> str:
    """A threshold in words, such as `26.90 dB (valid, rounded to 2 decimals)`."""
    exact = threshold.decimals == "unrounded"
    rounding = "unrounded" if exact else f"rounded to {threshold.decimals} decimals"
    return f"{metric_named(threshold.metric).amount(threshold.minimum, 2)} ({threshold.mode}, {rounding})"
