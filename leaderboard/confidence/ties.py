"""Ties by a paired bootstrap over images: how much of a difference does the choice of images explain?

All entries of a group are resampled with the same draws of images. Each split is drawn apart, as its mean is formed
apart. What makes an image slow or hard for everyone therefore cancels. Two entries tie if the central 95% of their
resampled differences contains zero. Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap,
Chapman & Hall 1993, section 13.3 (percentile interval).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leaderboard.entry import Array, Entry, Mask
from leaderboard.rules.base import Rule

CONFIDENCE = 0.95
MAX_TIES = 20  # on each side: if more tie, the images say nothing and a longer list says no more


def ties(group: list[Entry], rule: Rule[Any], keys: Array, eligible: Mask) -> list[list[int]]:
    """For each entry, the indices of the eligible entries it ties with, nearest first.

    keys: float64, one an entry, lower first. eligible: bool, one an entry. The search looks outward from each entry
    and stops at the first distance in the order at which nobody ties any more, or after MAX_TIES places. If images
    are not known one by one, the 95% intervals of the runtime medians must overlap instead; without those, only equal
    figures tie.
    """
    found: list[list[int]] = [[] for _ in group]
    order = np.array([i for i in np.argsort(keys, kind="stable") if eligible[i]], dtype=int)
    if len(order) < 2:
        return found
    drawn = rule.resampled(group)[:, order]
    for distance in range(1, min(len(order), MAX_TIES + 1)):
        near, far = order[:-distance], order[distance:]
        tied = _tied(drawn[:, distance:] - drawn[:, :-distance])
        unknown = np.isnan(drawn[:, :-distance]).any(axis=0) | np.isnan(drawn[:, distance:]).any(axis=0)
        for i in np.flatnonzero(unknown):
            same = bool(keys[near[i]] == keys[far[i]])
            tied[i] = same or (rule.by_runtime and _intervals_overlap(group[near[i]], group[far[i]]))
        if not tied.any():
            break
        for first, second in zip(near[tied], far[tied], strict=True):
            found[first].append(int(second))
            found[second].append(int(first))
    return found


def _tied(differences: Array) -> Array:
    """By column: whether zero lies within the central 95% of the differences. False if any is NaN."""
    draws = len(differences)
    outside = int(np.floor((1 - CONFIDENCE) / 2 * draws))
    with np.errstate(invalid="ignore"):
        not_above, not_below = (differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0)
    return np.asarray((not_above > outside) & (not_below > outside))


def _intervals_overlap(first: Entry, second: Entry) -> bool:
    """Whether the 95% intervals of the medians overlap in any split."""
    for split in first.modes.keys() & second.modes.keys():
        one, two = first.modes[split].runtime, second.modes[split].runtime
        if not (one and two and one.ci95 and two.ci95):
            continue
        if one.ci95[0] <= two.ci95[1] and two.ci95[0] <= one.ci95[1]:
            return True
    return False
