"""Statistics of times: tables from the literature, hand-computed summaries, properties."""

from __future__ import annotations

import math
import random
from statistics import median, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.runtime import statistics

times = st.floats(0, 1e6, allow_nan=False)


# n and the pair of order statistics of the 95% interval: the rows agree with Le Boudec 2010, appendix A.1
# (n <= 70 there), whose pairs are the symmetric ones computed from the binomial distribution.
@pytest.mark.parametrize(
    ("n", "low", "high"),
    [
        (6, 1, 6),
        (7, 1, 7),
        (8, 1, 8),
        (9, 2, 8),
        (10, 2, 9),
        (12, 3, 10),
        (15, 4, 12),
        (20, 6, 15),
        (30, 10, 21),
    ],
)
def test_interval_of_the_median_by_order_statistics(n: int, low: int, high: int) -> None:
    samples = [float(i) for i in range(1, n + 1)]
    random.Random(n).shuffle(samples)
    assert statistics.median_interval(samples) == (low, high)


@pytest.mark.parametrize("n", range(1, 6))
def test_too_few_samples_have_no_interval(n: int) -> None:
    assert statistics.median_interval([1.0] * n) is None


@pytest.mark.parametrize("n", [6, 7, 9, 25, 100, 1001, 2500])
def test_coverage_is_at_least_the_confidence_and_the_next_pair_is_not(n: int) -> None:
    interval = statistics.median_interval([float(i) for i in range(1, n + 1)])
    assert interval is not None
    k = int(interval[0])
    outside = [2 * sum(math.comb(n, i) for i in range(j)) / 2**n for j in (k, k + 1)]
    assert outside[0] <= 0.05 < outside[1]


@given(st.lists(times, min_size=6, max_size=60))
def test_interval_encloses_the_median(samples: list[float]) -> None:
    interval = statistics.median_interval(samples)
    assert interval is not None
    assert min(samples) <= interval[0] <= median(samples) <= interval[1] <= max(samples)


def test_other_confidence() -> None:
    assert statistics.median_interval([1.0, 2.0, 3.0, 4.0, 5.0], confidence=0.9) == (1.0, 5.0)
    with pytest.raises(ValueError, match=r"confidence 1.0: expected a number between 0 and 1"):
        statistics.median_interval([1.0], confidence=1.0)


def test_standard_error_of_the_median_equals_a_long_bootstrap() -> None:
    order = random.Random(1)
    samples = [order.gauss(10, 1) for _ in range(15)]
    resampled = [median(order.choices(samples, k=15)) for _ in range(20000)]
    assert statistics.median_standard_error(samples) == pytest.approx(pstdev(resampled), rel=0.03)


def test_standard_error_of_three_by_hand() -> None:
    # The median of three draws from (0, 0, 1) is 1 when two draws are: 3 (1/3)^2 (2/3) + (1/3)^3 = 7/27.
    p = 7 / 27
    assert statistics.median_standard_error([0.0, 0.0, 1.0]) == pytest.approx(math.sqrt(p * (1 - p)))


def test_official_protocol_is_the_plain_mean_of_one_cold_pass() -> None:
    samples = [1033.76, 9.0, 10.0, 11.0, 9.5, 10.5]
    found = statistics.summarize_ntire(samples)
    assert found.mean == pytest.approx(sum(samples) / 6)
    assert (found.median, found.cold, found.n) == (10.25, 1033.76, 6)
    assert found.ci95 == (9.0, 1033.76)


def test_robust_protocol_takes_medians_per_image_then_the_mean_over_images() -> None:
    found = statistics.summarize_robust([[1.0, 1.2, 50.0], [3.0, 2.8, 3.1]], cold_ms=120.0)
    assert found.median == pytest.approx((1.2 + 3.0) / 2)
    assert found.mean == pytest.approx((52.2 / 3 + 8.9 / 3) / 2)
    assert (found.cold, found.n) == (120.0, 6)
    assert found.ci95 is not None and found.ci95[0] <= found.median <= found.ci95[1]


def test_robust_interval_of_one_image_is_the_exact_one() -> None:
    samples = [float(i) for i in range(1, 11)]
    assert statistics.summarize_robust([samples], cold_ms=1.0).ci95 == (2.0, 9.0)
    assert statistics.summarize_robust([[1.0, 2.0]] * 2, cold_ms=1.0).ci95 is None


def test_robust_interval_covers_the_truth() -> None:
    order = random.Random(7)
    covered = 0
    for _ in range(200):
        images = [[base + order.gauss(0, 0.5) for _ in range(9)] for base in (5.0, 10.0, 20.0, 30.0)]
        interval = statistics.summarize_robust(images, cold_ms=1.0).ci95
        assert interval is not None
        covered += interval[0] <= 16.25 <= interval[1]
    assert covered >= 180


@given(st.lists(st.lists(times, min_size=1, max_size=9), min_size=1, max_size=6))
def test_robust_figures_lie_within_the_samples(images: list[list[float]]) -> None:
    found = statistics.summarize_robust(images, cold_ms=0.0)
    low, high = min(map(min, images)), max(map(max, images))
    slack = 1e-9 * high
    assert low - slack <= found.median <= high + slack
    assert low - slack <= found.mean <= high + slack
    assert found.n == sum(map(len, images))


@pytest.mark.parametrize(
    ("samples", "message"),
    [([], "no timing samples"), ([1.0, -1.0], "timing sample -1.0 ms"), ([math.nan], "timing sample nan ms")],
)
def test_bad_samples_are_refused(samples: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        statistics.summarize_ntire(samples)
    with pytest.raises(ValueError, match=message):
        statistics.summarize_robust([samples], cold_ms=1.0)


def test_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one image"):
        statistics.summarize_robust([], cold_ms=1.0)
