"""How many repeats and rounds a campaign plans, and when an entry leaves it."""

from __future__ import annotations

import numpy as np
import pytest

from eval.runtime import stopping
from eval.runtime.rank_sets import RankSet
from eval.runtime.stopping import Spread


def test_the_pilot_finds_both_variances() -> None:
    generator = np.random.default_rng(0)
    rounds = generator.normal(0, 0.03, (4000, 1)) + generator.normal(0, 0.05, (4000, 10))
    found = stopping.spread(rounds.tolist())
    assert found.within == pytest.approx(0.05**2, rel=0.05)
    assert found.between == pytest.approx(0.03**2, rel=0.1)


def test_repeats_that_vary_most_are_repeated_most() -> None:
    noisy, steady = Spread(within=0.01, between=0.0001), Spread(within=0.0001, between=0.01)
    assert stopping.best_repeats(noisy, 1.0, 4.0) == 20
    assert stopping.best_repeats(steady, 1.0, 4.0) == 1
    assert stopping.best_repeats(Spread(0.01, 0.0), 1.0, 4.0) == stopping.MOST_REPEATS


def test_the_planned_numbers_cost_least() -> None:
    """Brute force over repeats: for the same variance of the result no other number takes less time."""
    found, repeat_s, process_s = Spread(within=0.0009, between=0.0002), 0.4, 3.0

    def cost(repeats: int) -> float:
        return (found.between + found.within / repeats) * (process_s + repeats * repeat_s)

    best = stopping.best_repeats(found, repeat_s, process_s)
    assert cost(best) <= 1.01 * min(cost(repeats) for repeats in range(1, 51))


def test_rounds_follow_from_the_wanted_width() -> None:
    found = Spread(within=0.0, between=0.01**2)
    rounds = stopping.needed_rounds(found, 5, 0.005)
    assert 1.96 * 0.01 / np.sqrt(rounds) <= 0.005 < 1.96 * 0.01 / np.sqrt(rounds - 1)


def test_looks_share_the_error() -> None:
    assert 5 * (1 - stopping.look_confidence(5)) == pytest.approx(0.05)


def test_an_entry_stops_by_a_named_rule_only() -> None:
    sets = {"a": RankSet(1, 1), "b": RankSet(2, 3), "c": RankSet(2, 3)}
    found = stopping.finished(sets, {"a": 0.01, "b": 0.002, "c": 0.01})
    assert set(found) == {"a", "b"}
    assert "rank" in found["a"] and "0.25%" in found["b"]


def test_a_pilot_of_one_round_is_refused() -> None:
    with pytest.raises(ValueError, match="pilot"):
        stopping.spread([[0.1, 0.2]])
