"""Paired bootstrap over images: how much of a difference between two entries the choice of images explains.

All entries of a group are resampled with the same draws of images (each mode drawn apart, as its mean is
formed apart), so that what makes an image slow or hard for everyone cancels. Two entries tie when the central
95% of their resampled differences contains zero. Source: B. Efron and R. J. Tibshirani, An Introduction to
the Bootstrap, Chapman & Hall 1993, section 13.3 (percentile interval).
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from eval.challenge import Challenge, EfficiencyRanking, MetricRanking, RankSumRanking
from leaderboard import criteria
from leaderboard.entry import Array, Entry
from leaderboard.score_formulas import efficiency_exponent, log_final_score, term_sum

DRAWS = 1000
SEED = 20240401
CONFIDENCE = 0.95
MAX_TIES = 20  # on each side: where more tie, the images say nothing and a longer list says no more


def common_images(group: list[Entry], mode: str) -> tuple[str, ...]:
    """The list of images of `mode` that most entries of the group were evaluated on."""
    counts = Counter(entry.image_names(mode) for entry in group if entry.image_names(mode))
    return counts.most_common(1)[0][0] if counts else ()


def weights_of(images: int, seed: int) -> Array:
    """DRAWS x images: the share each image has in each resample; every row sums to 1."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=DRAWS) / images


def resampled_keys(group: list[Entry], challenge: Challenge, by_psnr: bool) -> Array:
    """DRAWS x entries: what each entry is ordered by (lower first) in each resample; NaN where it cannot be
    known.
    """
    rule = challenge.ranking
    if by_psnr:
        mode = "valid" if any("valid" in entry.modes for entry in group) else "test"
        return -_means(group, mode, criteria.psnr_metric(challenge))
    if isinstance(rule, MetricRanking):
        means = {term.metric: _means(group, rule.mode, term.metric) for term in rule.terms}
        return -np.broadcast_to(term_sum(rule.terms, means), (DRAWS, len(group)))
    runtime = _runtimes(group)
    if isinstance(rule, EfficiencyRanking):
        fixed = criteria.exponents(group, rule)
        exponent = efficiency_exponent(runtime, [reference.runtime_ms for reference in fixed.references])
        shape = exponent.shape
        return log_final_score(
            exponent, np.broadcast_to(fixed.flops, shape), np.broadcast_to(fixed.params, shape), rule.weights
        )
    by_runtime = isinstance(rule, RankSumRanking) and rule.tracks[0].quantities == ("runtime_ms",)
    return runtime if by_runtime else np.full((DRAWS, len(group)), np.nan)


def ties(
    group: list[Entry], challenge: Challenge, keys: Array, eligible: Array, by_psnr: bool
) -> list[list[int]]:
    """For each entry, the indices of the eligible entries it ties with, nearest first.

    Looks outward from each entry and stops at the first distance in the order at which nobody ties any more,
    or after MAX_TIES places. Where images are not known one by one, the 95% intervals of the runtime medians
    must overlap instead, and without those nothing ties but equal figures.
    """
    found: list[list[int]] = [[] for _ in group]
    order = np.array([i for i in np.argsort(keys, kind="stable") if eligible[i]], dtype=int)
    if len(order) < 2:
        return found
    drawn = resampled_keys(group, challenge, by_psnr)[:, order]
    runtime_decides = not by_psnr and not isinstance(challenge.ranking, MetricRanking)
    for distance in range(1, min(len(order), MAX_TIES + 1)):
        near, far = order[:-distance], order[distance:]
        tied = _tied(drawn[:, distance:] - drawn[:, :-distance])
        unknown = np.isnan(drawn[:, :-distance]).any(axis=0) | np.isnan(drawn[:, distance:]).any(axis=0)
        for i in np.flatnonzero(unknown):
            same = bool(keys[near[i]] == keys[far[i]])
            tied[i] = same or (runtime_decides and _intervals_overlap(group[near[i]], group[far[i]]))
        if not tied.any():
            break
        for first, second in zip(near[tied], far[tied], strict=True):
            found[first].append(int(second))
            found[second].append(int(first))
    return found


def _tied(differences: Array) -> Array:
    """Per column: whether zero lies within the central 95% of the differences. False where any is NaN."""
    draws = len(differences)
    outside = int(np.floor((1 - CONFIDENCE) / 2 * draws))
    with np.errstate(invalid="ignore"):
        not_above, not_below = (differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0)
    return np.asarray((not_above > outside) & (not_below > outside))


def _intervals_overlap(first: Entry, second: Entry) -> bool:
    for mode in first.modes.keys() & second.modes.keys():
        one, two = first.modes[mode].runtime, second.modes[mode].runtime
        if (
            one
            and two
            and one.ci95
            and two.ci95
            and one.ci95[0] <= two.ci95[1]
            and two.ci95[0] <= one.ci95[1]
        ):
            return True
    return False


def _means(group: list[Entry], mode: str, metric: str) -> Array:
    """DRAWS x entries: resampled mean of a metric. NaN for entries on other images, or with an infinity."""
    names = common_images(group, mode)
    columns = [entry.metric(mode, metric) if entry.image_names(mode) == names else None for entry in group]
    return _resample(columns, len(names), seed=SEED + (mode == "test"))


def _runtimes(group: list[Entry]) -> Array:
    """DRAWS x entries: resampled ranked runtime, mean over modes and images of each image's figure."""
    modes = list(dict.fromkeys(mode for entry in group for mode in entry.modes))
    parts = []
    for mode in modes:
        names = common_images(group, mode)
        columns = [entry.runtimes.get(mode) if entry.image_names(mode) == names else None for entry in group]
        parts.append(_resample(columns, len(names), seed=SEED + (mode == "test")))
    return np.mean(parts, axis=0) if parts else np.full((DRAWS, len(group)), np.nan)


def _resample(columns: list[Array | None], images: int, seed: int) -> Array:
    if not images:
        return np.full((DRAWS, len(columns)), np.nan)
    usable = [column is not None and bool(np.isfinite(column).all()) for column in columns]
    matrix = np.column_stack(
        [
            column if good and column is not None else np.zeros(images)
            for column, good in zip(columns, usable, strict=True)
        ]
    )
    drawn = weights_of(images, seed) @ matrix
    drawn[:, ~np.array(usable)] = np.nan
    return np.asarray(drawn)
