"""Scores of the challenges as formulas on arrays. No table, no file, no rule of a particular year."""

from __future__ import annotations

from typing import Any

import numpy as np

from eval.challenge import ScoreTerm, ScoreWeights
from leaderboard.entry import Array


def efficiency_exponent(value: Any, baseline: Any) -> Array:
    """2 * value / baseline: the natural logarithm of a track's score, which orders even if the score is infinite.

    value, baseline: numbers or arrays that broadcast, in one unit; the result is float64.

    Source: "Ranking Strategy" in the READMEs of Amazingren/NTIRE2024_ESR, NTIRE2025_ESR and NTIRE2026_ESR.
    """
    return np.asarray(2 * np.asarray(value, dtype=float) / np.asarray(baseline, dtype=float))


def score_of(exponent: Any) -> Array:
    """exp(exponent), float64, of any shape; infinite above 709, as a double has no larger number."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(np.asarray(exponent, dtype=float)))


def log_final_score(runtime: Array, flops: Array, params: Array, weights: ScoreWeights) -> Array:
    """Logarithm of the sum of weight * exp(exponent) over runtime, FLOPs and parameters.

    The arguments are exponents as `efficiency_exponent` gives them, float64 of equal shape. NaN if any that counts is.
    """
    parts = [(runtime, weights.runtime), (flops, weights.flops), (params, weights.params)]
    logs = [exponent + np.log(weight) for exponent, weight in parts if weight > 0]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.logaddexp.reduce(np.stack(logs), axis=0))


def term_sum(terms: tuple[ScoreTerm, ...], means: dict[str, Any]) -> Array:
    """Sum over terms of weight * max(floor, offset + factor * mean); NaN if a metric is missing.

    means: by metric, its mean or an array of means (float64); all arrays and the result have one shape.
    Source: README and eval.py of zhengchen1999/NTIRE2026_ImageSR_x4, where the terms are computed on averaged metrics.
    """
    total: Array = np.zeros(1)
    for term in terms:
        value = term.offset + term.factor * np.asarray(means.get(term.metric, np.nan), dtype=float)
        if term.floor is not None:
            value = np.where(np.isnan(value), value, np.maximum(term.floor, value))
        total = total + term.weight * value
    return total
