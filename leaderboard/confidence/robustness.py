"""How firm is a rank? The same records ranked again under other defensible choices, pair by pair.

Each alternative changes one thing only: the median instead of the mean runtime, the first call left out, thresholds
compared unrounded, other weights. The paired bootstrap over images says how often a pair of neighbours keeps its
order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from leaderboard.entry import Array, Entry, Mask
from leaderboard.rules.base import Alternative, Rule
from leaderboard.rules.thresholds import failed_thresholds

Outcome = Literal["holds", "ties", "reverses", "drops out"]


# The share of resamples that must keep an order: a two-sided 95% interval that excludes a tie.
FIRM_SHARE = 0.975


VARIANT_TITLES = {
    "rule": "As the rule says",
    "median": "Median runtime",
    "no_cold": "Without the first call",
    "strict": "Thresholds unrounded",
    "rounded": "Thresholds rounded",
    "equal_weights": "Equal weights",
    "less_runtime": "Runtime weighs 0.1 less",
    "more_runtime": "Runtime weighs 0.1 more",
}


@dataclass(frozen=True)
class PairCheck:
    """Two neighbours in the ranking and what each alternative says of their order.

    `kept` is the share of paired resamples of the images that keep the order (a tie counts half); None if images are
    not known one by one. `dropped` names who drops out of the ranking under an alternative.
    """

    upper: str
    lower: str
    outcomes: dict[str, Outcome]
    kept: float | None
    dropped: dict[str, list[str]]

    def doubts_for(self, model: str) -> list[str]:
        """Names of the alternatives under which `model`, one of the two, loses its place.

        The order turns or ties, or the model drops out itself. That the other one drops out does not hurt it.
        `images` is among them if resampling turns the order.
        """
        found = [
            name
            for name, outcome in self.outcomes.items()
            if outcome in ("ties", "reverses") or model in self.dropped.get(name, [])
        ]
        return found + (["images"] if self.kept is not None and self.kept < FIRM_SHARE else [])


def neighbours(group: list[Entry], rule: Rule[Any], keys: Array, eligible: Mask) -> list[PairCheck]:
    """A check for each pair of neighbours in the ranking, best first.

    keys: float64, one an entry, lower first. eligible: bool, one an entry.
    """
    order = [int(i) for i in np.argsort(keys, kind="stable") if eligible[i]]
    alternatives = rule.alternatives(group)[1:]
    drawn = rule.resampled(group) if len(order) > 1 else None
    checks = []
    for upper, lower in pairwise(order):
        outcomes = {one.name: outcome(one, upper, lower) for one in alternatives}
        dropped = {
            one.name: [group[i].model for i in (upper, lower) if not one.eligible[i]]
            for one in alternatives
            if outcomes[one.name] == "drops out"
        }
        kept = None if drawn is None else _kept(drawn[:, upper], drawn[:, lower])
        checks.append(PairCheck(group[upper].model, group[lower].model, outcomes, kept, dropped))
    return checks


def outcome(alternative: Alternative, upper: int, lower: int) -> Outcome:
    """What `alternative` says of a pair that the rule orders `upper` before `lower`."""
    if not (alternative.eligible[upper] and alternative.eligible[lower]):
        return "drops out"
    if alternative.keys[upper] == alternative.keys[lower]:
        return "ties"
    return "holds" if alternative.keys[upper] < alternative.keys[lower] else "reverses"


def _kept(upper: Array, lower: Array) -> float | None:
    if np.isnan(upper).any() or np.isnan(lower).any():
        return None
    return float(np.mean(upper < lower) + np.mean(upper == lower) / 2)


def changed_pairs(group: list[Entry], rule: Rule[Any]) -> list[dict[str, str]]:
    """Every pair of rankable entries whose order the cold start or the choice of mean or median decides.

    Each as `{track, first, second, by}`: under the rule `first` stands before `second`; under `by` behind it.
    Tracks are `final` (the score) and `runtime`.
    """
    listed = rule.alternatives(group)
    if not listed:
        return []
    tracks: dict[str, Callable[[Alternative], Array]] = {
        "final": lambda one: one.keys,
        "runtime": lambda one: one.runtime,
    }
    return [
        {
            "track": track,
            "first": group[first].model,
            "second": group[second].model,
            "by": VARIANT_TITLES[one.name].lower(),
        }
        for track, keys_of in tracks.items()
        for one in listed[1:3]
        for first, second in _turned(keys_of(listed[0]), keys_of(one), listed[0].eligible)
    ]


def _turned(base: Array, other: Array, eligible: Mask) -> list[tuple[int, int]]:
    """Pairs of eligible entries that `base` orders one way and `other` the other way."""
    order = [int(i) for i in np.argsort(base, kind="stable") if eligible[i]]
    return [
        (first, second)
        for position, first in enumerate(order)
        for second in order[position + 1 :]
        if other[first] > other[second] and base[first] < base[second]
    ]


def misses(group: list[Entry], rule: Rule[Any], strict: bool) -> list[str]:
    """Models that miss a threshold with means unrounded (`strict`) or rounded to two decimals."""
    thresholds = rule.applied_thresholds(group)
    return [entry.model for entry in group if entry.ok and failed_thresholds(entry, thresholds, strict)]
