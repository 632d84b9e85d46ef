"""Statistics of measured times, in pure Python, for the harness and the leaderboard alike."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Protocol = Literal["ntire", "robust", "interleaved"]


@dataclass(frozen=True)
class RuntimeStatistics:
    """Runtime of one submission under one protocol; all times in milliseconds.

    protocol: `ntire` (one cold pass over the images, every sample counts) or `robust` (warm samples only).
    mean:     arithmetic mean per image of the samples that the protocol counts.
    median:   `ntire`: the median over images. `robust`: the median over an image's repeats, averaged over
              images (`summarize_robust` says why).
    ci95:     lower and upper end of a 95% confidence interval of the median; None where there are too few
              samples for one (below six for `ntire`).
    cold:     the first forward pass of the process, which pays for lazy initialisation and autotuning.
              Under `ntire` it is one of the samples, under `robust` it is in none of the other figures.
    n:        number of samples counted.
    """

    protocol: Protocol
    mean: float
    median: float
    ci95: tuple[float, float] | None
    cold: float
    n: int


def check_samples(samples_ms: Sequence[float]) -> None:
    """Raise ValueError unless there is at least one sample and all are finite and not negative."""
    if not samples_ms:
        raise ValueError("no timing samples: expected at least one")
    bad = [s for s in samples_ms if not math.isfinite(s) or s < 0]
    if bad:
        raise ValueError(f"timing sample {bad[0]!r} ms: expected a finite number, not negative")


def median(samples: Sequence[float]) -> float:
    """The middle value, or the mean of the two middle ones. Raises ValueError for an empty list.

    >>> median([4.0, 1.0, 2.0])
    2.0
    """
    check_samples(samples)
    return statistics.median(samples)


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Distribution-free confidence interval of the median, from order statistics.

    For n independent samples of any continuous distribution with median m, P(x_(k) <= m <= x_(n+1-k)) = 1 - 2
    P(B <= k-1) with B ~ Binomial(n, 1/2). The interval returned takes the largest k for which that is at
    least `confidence` (exact, no normal approximation). Source: H. A. David and H. N. Nagaraja, Order
    Statistics, 3rd ed., Wiley 2003, section 7.1; the same rule as Y. Le Boudec, Performance Evaluation of
    Computer and Communication Systems, EPFL Press 2010, theorem 2.1.

    Returns None if even the smallest and the largest sample do not enclose the median with that confidence
    (below six samples for 0.95). Raises ValueError for an empty list or a confidence outside 0..1.

    >>> median_interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0])
    (1.0, 6.0)
    """
    check_samples(samples)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence!r}: expected a number between 0 and 1")
    n = len(samples)
    k = _order_statistic(n, confidence)
    if k == 0:
        return None
    ordered = sorted(samples)
    return ordered[k - 1], ordered[n - k]


def _order_statistic(n: int, confidence: float) -> int:
    """Largest k (1-based) with 2 P(Binomial(n, 1/2) <= k-1) <= 1 - confidence; 0 when there is none."""
    # Integers keep this exact for any n: compare 2 * sum(C(n, i)) with (1 - confidence) * 2^n.
    limit = int((1 - confidence) * 2 ** min(n, 1000)) << max(n - 1000, 0)
    total, term, k = 0, 1, 0
    while k < (n + 1) // 2:
        total += term
        if 2 * total > limit:
            break
        term = term * (n - k) // (k + 1)
        k += 1
    return k


def summarize_ntire(samples_ms: Sequence[float]) -> RuntimeStatistics:
    """The official figure: the plain mean over one cold pass, the first image included.

    samples_ms: one time per image, in the order of the run. Raises ValueError for an empty list.

    >>> summarize_ntire([30.0, 10.0, 11.0]).mean
    17.0
    """
    check_samples(samples_ms)
    return RuntimeStatistics(
        protocol="ntire",
        mean=statistics.fmean(samples_ms),
        median=statistics.median(samples_ms),
        ci95=median_interval(samples_ms),
        cold=samples_ms[0],
        n=len(samples_ms),
    )


def median_standard_error(samples: Sequence[float]) -> float:
    """Maritz-Jarrett standard error of the sample median: the exact bootstrap one, without resampling.

    The median of n draws with replacement is x_(i) with weight w_i = I(i/n) - I((i-1)/n), I the distribution
    function of Beta((n+1)/2, (n+1)/2); the error is the standard deviation of x under those weights.
    Source: J. S. Maritz and R. G. Jarrett, JASA 73 (1978) 194-196. For an even n the parameter is rounded
    to whole order statistics (n//2 + 1), which widens the error slightly. Raises ValueError for an empty
    list.
    """
    check_samples(samples)
    n = len(samples)
    ordered = sorted(samples)
    order = n // 2 + 1
    tails = [_binomial_upper_tail(n, i / n, order) for i in range(n + 1)]
    weights = [upper - lower for lower, upper in itertools.pairwise(tails)]
    centre = sum(w * x for w, x in zip(weights, ordered, strict=True))
    return math.sqrt(sum(w * (x - centre) ** 2 for w, x in zip(weights, ordered, strict=True)))


def _binomial_upper_tail(n: int, p: float, k: int) -> float:
    """P(B >= k) for B ~ Binomial(n, p), the distribution function of Beta(k, n-k+1) at p."""
    return math.fsum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1))


def summarize_robust(repeats_ms: Sequence[Sequence[float]], cold_ms: float) -> RuntimeStatistics:
    """Warm runtime per image: the median over an image's repeats, averaged over the images.

    Averaging over images keeps the figure comparable with `ntire`, whose mean weighs every image once, also
    where images differ in size; taking each image's median first removes the spikes of a shared machine.

    repeats_ms: per image, its warm samples (warm-up left out); cold_ms: the process's very first forward
    pass. ci95: for one image the exact interval of `median_interval`; for several the mean of the medians +-
    1.96 standard errors (`median_standard_error`, images independent), None where an image has fewer than
    three samples. Raises ValueError for an empty list anywhere.
    """
    check_samples([cold_ms])
    if not repeats_ms:
        raise ValueError("no timing samples: expected at least one image")
    for samples in repeats_ms:
        check_samples(samples)
    centre = statistics.fmean(statistics.median(samples) for samples in repeats_ms)
    return RuntimeStatistics(
        protocol="robust",
        mean=statistics.fmean(statistics.fmean(samples) for samples in repeats_ms),
        median=centre,
        ci95=_robust_interval(repeats_ms, centre),
        cold=cold_ms,
        n=sum(len(samples) for samples in repeats_ms),
    )


def _robust_interval(repeats_ms: Sequence[Sequence[float]], centre: float) -> tuple[float, float] | None:
    if len(repeats_ms) == 1:
        return median_interval(repeats_ms[0])
    if min(len(samples) for samples in repeats_ms) < 3:
        return None
    error = math.sqrt(math.fsum(median_standard_error(s) ** 2 for s in repeats_ms)) / len(repeats_ms)
    return max(centre - 1.96 * error, 0.0), centre + 1.96 * error
