"""Simultaneous confidence sets of ranks, from figures that were measured in several rounds.

Each round measures every entry once, relative to the baseline. A round shifts all entries alike (drift, the baseline's
own noise), and each entry varies from round to round by an amount of its own. The sets contain the true ranks of all
entries at once with the stated confidence: 95 of 100 such tables are right in every row.

Method: M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm, Inference for ranks with applications to mobility across
neighbourhoods and academic achievement across countries, Review of Economic Studies 91 (2024) 476-518: all pairs are
tested against the quantile of the largest studentised difference, stepping down while pairs are rejected. That quantile
comes from draws of a normal model with the estimated variances, because a few rounds are too few to resample. Variances
of few rounds are moderated towards their common value: G. K. Smyth, Statistical Applications in Genetics and Molecular
Biology 3 (2004) article 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

_Array = NDArray[np.float64]
MODEL_DRAWS = 2000
_SEED = 20240824
# Subtracting the other entries' part can leave next to nothing of an entry's variance: at least this share stays.
LEAST_SHARE = 0.3
_LEAST_VARIANCE = 1e-14  # of a log ratio: below the resolution of any clock


@dataclass(frozen=True)
class RankSet:
    """The ranks, from `low` to `high`, that one entry may truly have."""

    low: int
    high: int


def rank_sets(
    log_ratios: _Array,
    slopes: _Array,
    scores: _Array,
    confidence: float = 0.95,
    draws: int = MODEL_DRAWS,
) -> list[RankSet]:
    """Simultaneous confidence sets of the ranks of n entries; the lowest score has rank 1.

    log_ratios: R x n, float64, the logarithm of each entry's runtime ratio in each round; NaN in a round that did not
                measure it.
    slopes:     n, the derivative of each entry's score by its mean log ratio, 0 or more; 1 ranks by runtime alone.
    scores:     n, what ranks, computed from the mean over rounds; figures without noise are part of it.
    confidence: of all sets at once.

    Entries of equal scores and no noise share a rank. Raises ValueError for shapes that do not match and for an entry
    without any round.

    >>> import numpy as np
    >>> steady = np.log([[1.00, 1.50, 1.52], [1.01, 1.51, 1.50], [1.00, 1.49, 1.51]])
    >>> rank_sets(steady, np.ones(3), steady.mean(axis=0))
    [RankSet(low=1, high=1), RankSet(low=2, high=3), RankSet(low=2, high=3)]
    """
    observed = _checked(log_ratios, slopes, scores)
    entries = len(scores)
    if entries < 2:
        return [RankSet(1, 1)] * entries
    if len(log_ratios) < 2:
        return _without_repetition(slopes, scores)
    model = _RoundModel(observed)
    fitted = model.fit(np.where(observed, log_ratios, 0.0)[observed][None])
    better = _separated(
        model, fitted, np.asarray(slopes, float), np.asarray(scores, float), confidence, draws
    )
    return [RankSet(1 + int(better[:, i].sum()), entries - int(better[i].sum())) for i in range(entries)]


def _checked(log_ratios: _Array, slopes: _Array, scores: _Array) -> NDArray[np.bool_]:
    if log_ratios.ndim != 2 or log_ratios.shape[1] != len(scores) or len(slopes) != len(scores):
        raise ValueError(
            f"log ratios {log_ratios.shape}, {len(slopes)} slopes, {len(scores)} scores: expected R x n, n and n"
        )
    observed: NDArray[np.bool_] = np.isfinite(log_ratios)
    if not observed.any(axis=0).all():
        raise ValueError(f"entry {int(np.argmin(observed.any(axis=0)))}: no round measured it")
    return observed


def _without_repetition(slopes: _Array, scores: _Array) -> list[RankSet]:
    """One round tells nothing of its noise: only entries whose scores hold none are separated."""
    noisy = np.asarray(slopes) > 0
    better = (scores[:, None] < scores[None]) & ~noisy[:, None] & ~noisy[None]
    n = len(scores)
    return [RankSet(1 + int(better[:, i].sum()), n - int(better[i].sum())) for i in range(n)]


@dataclass(frozen=True)
class _Fit:
    """Least squares over rounds, for D data sets at once. means: D x n. variances: D x n, of one round's figure.

    shared: D, the variance of what a round adds to all entries.
    """

    means: _Array
    variances: _Array
    shared: _Array


class _RoundModel:
    """log ratio = entry + round + noise, with a variance of its own for each entry; some rounds may lack entries."""

    def __init__(self, observed: NDArray[np.bool_]) -> None:
        self.rounds, self.entries = observed.shape
        self.observed = observed
        self.round_of, self.entry_of = np.nonzero(observed)
        self.counts = observed.sum(axis=0)
        design = np.zeros((len(self.entry_of), self.entries + self.rounds))
        design[np.arange(len(self.entry_of)), self.entry_of] = 1.0
        design[np.arange(len(self.round_of)), self.entries + self.round_of] = 1.0
        constraint = np.r_[np.zeros(self.entries), np.ones(self.rounds)]  # rounds sum to 0
        self._solve = np.linalg.pinv(np.vstack([design, constraint]))[:, : len(design)]
        self._residuals = np.eye(len(design)) - design @ self._solve
        members = np.eye(self.entries)[self.entry_of]
        # Expected sums of squared residuals, by entry, of unit variances, by entry
        self._mixing = members.T @ np.square(self._residuals) @ members
        self._unmix = np.linalg.pinv(self._mixing)
        self._members = members

    def fit(self, figures: _Array) -> _Fit:
        """figures: D x m, the observed log ratios in the order of `entry_of`."""
        effects = figures @ self._solve.T
        squares = np.square(figures @ self._residuals.T) @ self._members
        alike = squares / self._mixing.sum(axis=1)  # never negative, and unbiased if all entries vary alike
        variances = np.maximum(squares @ self._unmix.T, np.maximum(LEAST_SHARE * alike, _LEAST_VARIANCE))
        variances = _moderated(variances, np.maximum(np.diag(self._mixing), 0.5))
        spread = effects[:, self.entries :].var(axis=1, ddof=1)
        shared = np.maximum(spread - variances.mean(axis=1) / self.entries, 0.0)
        return _Fit(effects[:, : self.entries], variances, shared)

    def draw(self, fitted: _Fit, draws: int, generator: np.random.Generator) -> _Array:
        """draws x m: figures of the fitted model with all true means at 0."""
        noise = generator.standard_normal((draws, len(self.entry_of)))
        rounds = generator.standard_normal((draws, self.rounds)) * np.sqrt(fitted.shared[0])
        result: _Array = noise * np.sqrt(fitted.variances[0])[self.entry_of] + rounds[:, self.round_of]
        return result

    def squared_errors(self, fitted: _Fit, slopes: _Array) -> _Array:
        """D x n x n: squared standard errors of the differences between two entries' scores."""
        own = np.square(slopes) * fitted.variances / self.counts
        common = fitted.shared[:, None, None] * np.square(slopes[:, None] - slopes[None]) / self.rounds
        errors: _Array = own[:, :, None] + own[:, None, :] + common
        return errors


def _moderated(variances: _Array, freedom: _Array) -> _Array:
    """D x n variances, each with `freedom` degrees, shrunk towards their common value as far as they agree with it."""
    if variances.shape[1] < 3:
        return variances
    logs = np.log(variances) - special.digamma(freedom / 2) + np.log(freedom / 2)
    excess = logs.var(axis=1, ddof=1) - special.polygamma(1, freedom / 2).mean()
    prior_freedom = 2 * _inverse_trigamma(np.maximum(excess, 1e-4))[:, None]
    prior = np.exp(
        logs.mean(axis=1)[:, None] + special.digamma(prior_freedom / 2) - np.log(prior_freedom / 2)
    )
    result: _Array = (prior_freedom * prior + freedom * variances) / (prior_freedom + freedom)
    return result


def _inverse_trigamma(values: _Array) -> _Array:
    """x with trigamma(x) = value, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    x = 0.5 + 1.0 / values
    for _ in range(20):
        trigamma = special.polygamma(1, x)
        x = x + trigamma * (1 - trigamma / values) / special.polygamma(2, x)
    result: _Array = x
    return result


def _separated(
    model: _RoundModel, fitted: _Fit, slopes: _Array, scores: _Array, confidence: float, draws: int
) -> NDArray[np.bool_]:
    """n x n: whether entry i is better than entry j, all at once with `confidence`."""
    observed = _studentised(scores[None, :], model.squared_errors(fitted, slopes))[0]
    generator = np.random.default_rng(_SEED)
    active = ~np.eye(len(scores), dtype=bool)
    redrawn = [model.fit(model.draw(fitted, size, generator)) for size in _chunks(draws, len(scores))]
    better = np.zeros_like(active)
    while active.any():
        largest = [_largest(model, one, slopes, active) for one in redrawn]
        critical = float(np.quantile(np.concatenate(largest), confidence))
        rejected = active & (observed > critical)
        if not rejected.any():
            break
        better |= rejected
        active &= ~rejected
    return better


def _chunks(draws: int, entries: int) -> Sequence[int]:
    """Sizes of parts of the draws, so that no array of pairs takes more than about 100 MB."""
    size = max(1, min(draws, int(1e7) // entries**2))
    return [min(size, draws - start) for start in range(0, draws, size)]


def _largest(model: _RoundModel, drawn: _Fit, slopes: _Array, active: NDArray[np.bool_]) -> _Array:
    studentised = _studentised(drawn.means * slopes, model.squared_errors(drawn, slopes))
    result: _Array = np.where(active, studentised, -np.inf).max(axis=(1, 2))
    return result


def _studentised(scores: _Array, squared_errors: _Array) -> _Array:
    """D x n x n: by how many standard errors entry i is better (lower) than entry j."""
    differences = scores[:, None, :] - scores[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        result = differences / np.sqrt(squared_errors)
    return np.where(differences == 0, 0.0, result)
