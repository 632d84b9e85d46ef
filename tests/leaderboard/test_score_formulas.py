"""Formulas against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eval.challenge import EfficiencyRanking, MetricRanking, ScoreWeights, load
from leaderboard.score_formulas import (
    efficiency_exponent,
    log_final_score,
    score_of,
    term_sum,
)


def test_worked_example_of_the_2024_rules() -> None:
    parts = [
        efficiency_exponent(value, base)
        for value, base in ((17.73, 13.54), (41.2126, 19.67), (0.6574, 0.317))
    ]
    found = score_of(log_final_score(*parts, ScoreWeights(runtime=0.7, flops=0.15, params=0.15)))
    by_hand = (
        0.7 * math.exp(2.618906942392) + 0.15 * math.exp(4.190401626843) + 0.15 * math.exp(4.147634069401)
    )
    assert found == pytest.approx(by_hand, rel=1e-9)


def test_a_weight_of_zero_leaves_its_figure_out() -> None:
    weights = ScoreWeights(runtime=1, flops=0, params=0)
    found = log_final_score(np.array(2.0), np.array(math.nan), np.array(9.0), weights)
    assert found == pytest.approx(2.0)


def test_infinite_scores_come_without_a_warning() -> None:
    assert math.isinf(score_of(1e6))


def test_the_perceptual_score_of_2026() -> None:
    rule = load("imagesr2026").ranking
    assert isinstance(rule, MetricRanking)
    means = {"lpips": 0.2, "dists": 0.1, "clipiqa": 0.7, "maniqa": 0.5, "musiq": 70.0, "niqe": 4.0}
    found = term_sum(rule.tracks[0].terms, means)
    assert found == pytest.approx(0.8 + 0.9 + 0.7 + 0.5 + 0.7 + 0.6)
    assert term_sum(rule.tracks[0].terms, {**means, "niqe": 25.0}) == pytest.approx(3.6)
    del means["lpips"]
    assert np.isnan(term_sum(rule.tracks[0].terms, means)).all()


@pytest.mark.parametrize(
    ("name", "baseline", "weights"),
    [
        ("esr2024", (13.54, 19.67, 0.317), (0.7, 0.15, 0.15)),
        ("esr2025", (16.69, 16.70, 0.276), (0.7, 0.15, 0.15)),
        ("esr2026", (7.74, 9.83, 0.151), (0.8, 0.1, 0.1)),
    ],
)
def test_constants_of_the_efficiency_challenges(
    name: str, baseline: tuple[float, ...], weights: tuple[float, ...]
) -> None:
    rule = load(name).ranking
    assert isinstance(rule, EfficiencyRanking)
    assert (rule.baseline.runtime_ms, rule.baseline.flops_g, rule.baseline.params_m) == baseline
    assert (rule.weights.runtime, rule.weights.flops, rule.weights.params) == weights
    assert [(t.mode, t.minimum, t.decimals) for t in rule.thresholds] == [
        ("valid", 26.90, 2),
        ("test", 26.99, 2),
    ]
