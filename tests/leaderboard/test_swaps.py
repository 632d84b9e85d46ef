"""The change of runtime that would swap two neighbours."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from eval.challenge import load
from leaderboard.audit import audit, records_of, report_text
from leaderboard.confidence.swaps import swaps
from leaderboard.ranking import ordered_groups
from leaderboard.rules import rule_of


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    return shared / "reference" / "ntire2026_results.json"


def test_published_neighbours_hang_on_one_and_two_percent(published: Path) -> None:
    report = audit(records_of(published), load("esr2026"))
    changes = {one["rank"]: one["change"] for one in report["groups"][0]["swaps"]}
    assert changes[2] == pytest.approx(-0.019, abs=0.001) and changes[3] == pytest.approx(-0.011, abs=0.001)
    lines = report_text(report)
    assert "ranks 3 and 4: 18_DISP overtakes 16_PKDSR_FINAL_CKPT if its runtime is 1.1% shorter" in lines


def test_the_change_makes_the_scores_equal(published: Path) -> None:
    """Checked by the rule's formula itself, on figures of the two entries."""
    challenge = load("esr2026")
    rule = rule_of(challenge)
    (group,) = ordered_groups(records_of(published), challenge).values()
    by_model = {entry.model: entry for entry in group}
    base = by_model["00_SPAN"]
    weights = challenge.ranking.weights  # type: ignore[union-attr]

    def score(model: str, change: float = 0.0) -> float:
        entry = by_model[model]
        terms = (
            (weights.runtime, entry.ranked_runtime() * (1 + change) / base.ranked_runtime()),
            (weights.flops, entry.complexity("flops_g") / base.complexity("flops_g")),
            (weights.params, entry.complexity("params_m") / base.complexity("params_m")),
        )
        return sum(weight * math.exp(2 * share) for weight, share in terms)

    known = [one for one in swaps(group, rule) if one.change is not None]
    assert len(known) > 8
    for one in known:
        assert score(one.lower, one.change or 0.0) == pytest.approx(score(one.upper), rel=1e-9)
    assert all(one.change is None for one in swaps(group, rule) if one.lower == "00_SPAN")


def test_a_rule_without_runtime_has_no_swaps(published: Path) -> None:
    challenge = load("imagesr2024")
    for group in ordered_groups(records_of(published), challenge).values():
        assert swaps(group, rule_of(challenge)) == []
