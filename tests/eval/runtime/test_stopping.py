"""When an entry leaves a campaign."""

from __future__ import annotations

import pytest

from eval.runtime import stopping
from eval.runtime.rank_sets import RankSet


def test_looks_share_the_error() -> None:
    assert 5 * (1 - stopping.look_confidence(5)) == pytest.approx(0.05)


def test_an_entry_stops_by_a_named_rule_only() -> None:
    sets = {"a": RankSet(1, 1), "b": RankSet(2, 3), "c": RankSet(2, 3)}
    found = stopping.finished(sets, {"a": 0.01, "b": 0.002, "c": 0.01})
    assert set(found) == {"a", "b"}
    assert "rank" in found["a"] and "0.25%" in found["b"]
