"""Scores of the challenges as formulas on arrays. No table, no file, no rule of a particular year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.challenge import Term, Weights

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """The figures that a score divides by: those of the baseline. `source` says where they come from."""

    runtime_ms: float
    flops_g: float
    params_m: float
    source: str


def efficiency_exponent(value: Any, baseline: Any) -> Array:
    """2 * value / baseline: the natural logarithm of a track's score, which orders even where the score is
    infinite.

    Source: "Ranking Strategy" in the READMEs of Amazingren/NTIRE2024_ESR, NTIRE2025_ESR and NTIRE2026_ESR.
    """
    return 2 * np.asarray(value, dtype=float) / np.asarray(baseline, dtype=float)


def score_of(exponent: Any) -> Array:
    """exp(exponent); infinite above 709, where a double has no larger number, and never a warning."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(np.asarray(exponent, dtype=float)))


def log_final_score(runtime: Array, flops: Array, params: Array, weights: Weights) -> Array:
    """Logarithm of weights.runtime * exp(runtime) + weights.flops * exp(flops) + weights.params *
    exp(params).

    The arguments are exponents as `efficiency_exponent` gives them, of equal shape. NaN where any that counts
    is.
    """
    parts = [(runtime, weights.runtime), (flops, weights.flops), (params, weights.params)]
    logs = [exponent + np.log(weight) for exponent, weight in parts if weight > 0]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.logaddexp.reduce(np.stack(logs), axis=0))


def term_sum(terms: tuple[Term, ...], means: dict[str, Any]) -> Array:
    """Sum over terms of weight * max(floor, offset + factor * mean); NaN where a metric is missing.

    `means` maps a metric to its mean or to an array of means. Source: README and eval.py of
    zhengchen1999/NTIRE2026_ImageSR_x4, where the terms are computed on averaged metrics.
    """
    total: Array = np.zeros(1)
    for term in terms:
        value = term.offset + term.factor * np.asarray(means.get(term.metric, np.nan), dtype=float)
        if term.floor is not None:
            value = np.where(np.isnan(value), value, np.maximum(term.floor, value))
        total = total + term.weight * value
    return total
