"""The order of an interleaved campaign, and a round's figure."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.runtime import design

times = st.lists(st.floats(0.01, 1e5), min_size=1, max_size=8)


@given(st.integers(0, 40), st.integers(1, 6), st.integers())
def test_a_round_runs_every_entry_once_in_brackets(entries: int, size: int, seed: int) -> None:
    names = [f"{number}" for number in range(entries)]
    found = design.brackets(names, random.Random(seed), size)
    assert sorted(name for one in found for name in one.entries) == sorted(names)
    assert all(1 <= len(one.entries) <= size for one in found)


def test_the_order_changes_from_round_to_round() -> None:
    generator = random.Random(0)
    orders = {tuple(design.brackets("abcdefgh", generator)) for _ in range(5)}
    assert len(orders) == 5


@given(times, st.floats(0.01, 100), st.floats(0, 1))
def test_a_machine_that_is_slower_throughout_changes_no_ratio(
    baseline: list[float], factor: float, share: float
) -> None:
    entry = [0.5 * time for time in baseline]
    slow = [[factor * time for time in some] for some in (entry, baseline, baseline)]
    assert design.ratio(*slow, share=share) == pytest.approx(0.5)


def test_a_steady_drift_is_taken_out() -> None:
    """The machine slows down by 10% from one baseline run to the next; the entry ran after 30% of that time."""
    assert design.ratio([0.5 * 10.3], [10.0], [11.0], 0.3) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("entry", "before", "after", "share"),
    [
        ([1.0], [1.0, 2.0], [1.0], 0.5),
        ([], [], [], 0.5),
        ([1.0], [1.0], [1.0], 1.5),
        ([0.0], [1.0], [1.0], 0.5),
        ([1.0], [math.nan], [1.0], 0.5),
        ([1.0], [math.inf], [1.0], 0.5),
    ],
)
def test_wrong_times_are_refused(
    entry: list[float], before: list[float], after: list[float], share: float
) -> None:
    with pytest.raises(ValueError):
        design.ratio(entry, before, after, share)


def test_the_interval_is_students_over_rounds() -> None:
    found = design.estimate([math.exp(value) for value in (0.1, 0.2, 0.3, 0.4)])
    error = math.sqrt(((0.15**2 + 0.05**2) * 2 / 3) / 4)
    assert found.ratio == pytest.approx(math.exp(0.25))
    assert found.low == pytest.approx(math.exp(0.25 - 3.182446305284263 * error))  # t of 3 degrees, 97.5%
    assert found.high == pytest.approx(math.exp(0.25 + 3.182446305284263 * error))


def test_one_round_has_no_interval() -> None:
    found = design.estimate([0.7])
    assert (found.low, found.high, found.half_width) == (None, None, math.inf)


@pytest.mark.parametrize("ratios", [[], [0.0], [-1.0, 1.0], [math.nan]])
def test_wrong_ratios_are_refused(ratios: list[float]) -> None:
    with pytest.raises(ValueError, match="ratios"):
        design.estimate(ratios)
