"""Rank sets: what they promise on made-up rounds, and what they make of few, missing and exact figures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.runtime.rank_sets import RankSet, rank_sets

Array = NDArray[np.float64]


def by_runtime(figures: Array, confidence: float = 0.95) -> list[RankSet]:
    return rank_sets(figures, np.ones(figures.shape[1]), np.nanmean(figures, axis=0), confidence, draws=500)


def rounds(true: Array, noise: float, number: int, seed: int) -> Array:
    """Rounds that shift all entries alike, with heavy tails for each entry."""
    generator = np.random.default_rng(seed)
    shared = generator.normal(0, 0.05, (number, 1))
    return true + shared + noise * generator.standard_t(4, (number, len(true))) / np.sqrt(2)


def test_the_true_ranks_of_all_entries_are_inside_at_once() -> None:
    true = np.log([0.60, 0.601, 0.61, 0.63, 0.631, 0.70])
    held = 0
    for seed in range(60):
        sets = by_runtime(rounds(true, 0.01, 5, seed))
        held += all(one.low <= rank <= one.high for rank, one in enumerate(sets, 1))
    assert held >= 56  # of 60; 95% of them would be 57


def test_entries_far_apart_are_separated_and_near_ones_are_not() -> None:
    sets = by_runtime(rounds(np.log([0.5, 0.5001, 0.9, 1.5]), 0.005, 6, 1))
    assert sets == [RankSet(1, 2), RankSet(1, 2), RankSet(3, 3), RankSet(4, 4)]


def test_a_shift_of_a_whole_round_changes_nothing() -> None:
    figures = rounds(np.log([0.5, 0.51, 0.55, 0.9]), 0.004, 5, 2)
    shifted = figures + np.linspace(-1, 1, 5)[:, None]
    assert by_runtime(figures) == by_runtime(shifted)


def test_more_rounds_give_narrower_sets() -> None:
    true = np.log([0.5, 0.505, 0.51, 0.515, 0.52])
    widths = [
        sum(one.high - one.low for one in by_runtime(rounds(true, 0.006, number, 3)))
        for number in (3, 10, 40)
    ]
    assert widths[0] > widths[2] and widths[0] >= widths[1] >= widths[2]


def test_figures_without_noise_count_as_they_are() -> None:
    figures = rounds(np.log([0.5, 0.5, 0.5]), 0.01, 5, 4)
    scores = figures.mean(axis=0) + np.array([0.0, 10.0, 20.0])  # such as parameters, far apart
    assert rank_sets(figures, np.ones(3), scores, draws=200) == [RankSet(1, 1), RankSet(2, 2), RankSet(3, 3)]


def test_an_entry_that_left_early_keeps_a_set() -> None:
    figures = rounds(np.log([0.5, 0.9, 1.4, 2.0]), 0.004, 6, 5)
    figures[3:, 3] = np.nan
    assert by_runtime(figures) == [RankSet(i, i) for i in range(1, 5)]


def test_two_entries_are_compared_by_their_differences() -> None:
    apart = np.array(
        [[0.0, 0.05], [0.5, 0.551], [-0.2, -0.149], [0.1, 0.15]]
    )  # shared shifts, steady difference
    assert by_runtime(apart) == [RankSet(1, 1), RankSet(2, 2)]


@pytest.mark.parametrize("figures", [np.zeros((1, 3)), np.array([[0.1, 0.2, 0.3]])])
def test_one_round_separates_nobody(figures: Array) -> None:
    assert by_runtime(figures) == [RankSet(1, 3)] * 3


def test_one_entry_has_rank_one() -> None:
    assert by_runtime(np.array([[0.1], [0.2]])) == [RankSet(1, 1)]


def test_shapes_and_empty_entries_are_refused() -> None:
    with pytest.raises(ValueError, match="expected R x n"):
        rank_sets(np.zeros((2, 3)), np.ones(2), np.zeros(3))
    with pytest.raises(ValueError, match="entry 1: no round"):
        rank_sets(np.array([[0.1, np.nan], [0.2, np.nan]]), np.ones(2), np.zeros(2))
