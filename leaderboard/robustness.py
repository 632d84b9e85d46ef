"""How firm is a rank? The same records ranked again under other defensible choices, pair by pair.

Each variant changes one thing only: the median instead of the mean runtime, the first call left out,
thresholds compared unrounded, other weights. The paired bootstrap over images says how often a neighbouring
pair keeps its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from eval.challenge import Challenge, EfficiencyRanking, RankSumRanking, Weights
from leaderboard import criteria
from leaderboard.bootstrap import resampled_keys
from leaderboard.entry import Array, Entry

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
class Variant:
    """One way to rank a group: keys by entry (lower first) in the main track and by runtime alone, and who
    counts.
    """

    name: str
    keys: Array
    runtime: Array
    eligible: Array


@dataclass(frozen=True)
class PairCheck:
    """Two neighbours in the ranking and what each variant says of their order.

    `kept` is the share of paired resamples of the images that keep the order (a tie counts half); None where
    images are not known one by one. `dropped` names who drops out of the ranking under a variant.
    """

    upper: str
    lower: str
    outcomes: dict[str, Outcome]
    kept: float | None
    dropped: dict[str, list[str]]

    def doubts_for(self, model: str) -> list[str]:
        """Names of the variants under which `model`, one of the two, loses its place: the order turns or
        ties, or it drops out itself. That the other one drops out does not hurt it. `images` when resampling
        turns it."""
        found = [
            name
            for name, outcome in self.outcomes.items()
            if outcome in ("ties", "reverses") or model in self.dropped.get(name, [])
        ]
        return found + (["images"] if self.kept is not None and self.kept < FIRM_SHARE else [])


def variants(group: list[Entry], challenge: Challenge) -> list[Variant]:
    """The rule as published first, then one variant per choice. Empty for rankings without these choices."""
    rule = challenge.ranking
    if not isinstance(rule, EfficiencyRanking):
        return []
    thresholds = criteria.thresholds_that_apply(challenge, group)

    def eligible(strict: bool | None) -> Array:
        return np.array(
            [entry.ok and not criteria.failed_thresholds(entry, thresholds, strict) for entry in group]
        )

    def variant(
        name: str,
        runtime_of: criteria.RuntimeOf = criteria.ranked_runtime,
        strict: bool | None = None,
        weights: Weights | None = None,
    ) -> Variant:
        found = criteria.exponents(group, rule, runtime_of, weights)
        return Variant(name, found.final, found.runtime, eligible(strict) & ~np.isnan(found.final))

    return [
        variant("rule"),
        variant("median", lambda entry: entry.median_ms),
        variant("no_cold", lambda entry: entry.warm_ms),
        variant("strict", strict=True),
        variant("rounded", strict=False),
        variant("equal_weights", weights=Weights(runtime=1 / 3, flops=1 / 3, params=1 / 3)),
        variant("less_runtime", weights=_shifted(rule.weights, -0.1)),
        variant("more_runtime", weights=_shifted(rule.weights, 0.1)),
    ]


def _shifted(weights: Weights, shift: float) -> Weights:
    """Weights with that of runtime changed by `shift` within 0..1, the others sharing the rest as before."""
    runtime = min(max(weights.runtime + shift, 0.0), 1.0)
    others = weights.flops + weights.params
    flops = (1 - runtime) * (weights.flops / others if others else 0.5)
    return Weights(runtime=runtime, flops=flops, params=1 - runtime - flops)


def neighbours(
    group: list[Entry], challenge: Challenge, by_psnr: bool, keys: Array, eligible: Array
) -> list[PairCheck]:
    """A check for each pair of neighbours in the ranking given by `keys` (lower first) and `eligible`, best
    first.
    """
    order = [int(i) for i in np.argsort(keys, kind="stable") if eligible[i]]
    alternatives = [] if by_psnr else variants(group, challenge)[1:]
    drawn = resampled_keys(group, challenge, by_psnr) if len(order) > 1 else None
    checks = []
    for upper, lower in pairwise(order):
        outcomes = {variant.name: outcome(variant, upper, lower) for variant in alternatives}
        dropped = {
            variant.name: [group[i].model for i in (upper, lower) if not variant.eligible[i]]
            for variant in alternatives
            if outcomes[variant.name] == "drops out"
        }
        kept = None if drawn is None else _kept(drawn[:, upper], drawn[:, lower])
        checks.append(PairCheck(group[upper].model, group[lower].model, outcomes, kept, dropped))
    return checks


def outcome(variant: Variant, upper: int, lower: int) -> Outcome:
    """What `variant` says of a pair that the rule orders `upper` before `lower`."""
    if not (variant.eligible[upper] and variant.eligible[lower]):
        return "drops out"
    if variant.keys[upper] == variant.keys[lower]:
        return "ties"
    return "holds" if variant.keys[upper] < variant.keys[lower] else "reverses"


def _kept(upper: Array, lower: Array) -> float | None:
    if np.isnan(upper).any() or np.isnan(lower).any():
        return None
    return float(np.mean(upper < lower) + np.mean(upper == lower) / 2)


def changed_pairs(group: list[Entry], challenge: Challenge) -> list[dict[str, str]]:
    """Every pair of rankable entries whose order the cold start or the choice of mean or median decides.

    Each as `{track, first, second, by}`: under the rule `first` stands before `second`; under `by` behind it.
    Tracks are `final` (the score) and `runtime`.
    """
    found: list[dict[str, str]] = []
    listed = variants(group, challenge)
    if not listed:
        return found
    rule = listed[0]
    for track in ("final", "runtime"):

        def keys_of(variant: Variant, track: str = track) -> Array:
            return variant.keys if track == "final" else variant.runtime

        base = keys_of(rule)
        order = [int(i) for i in np.argsort(base, kind="stable") if rule.eligible[i]]
        for variant in listed[1:3]:
            other = keys_of(variant)
            for position, first in enumerate(order):
                for second in order[position + 1 :]:
                    if other[first] > other[second] and base[first] < base[second]:
                        found.append(
                            {
                                "track": track,
                                "first": group[first].model,
                                "second": group[second].model,
                                "by": VARIANT_TITLES[variant.name].lower(),
                            }
                        )
    return found


def misses(group: list[Entry], challenge: Challenge, strict: bool) -> list[str]:
    """Models that miss a threshold with means unrounded (`strict`) or rounded to two decimals."""
    if not isinstance(challenge.ranking, EfficiencyRanking | RankSumRanking):
        return []
    thresholds = criteria.thresholds_that_apply(challenge, group)
    return [
        entry.model for entry in group if entry.ok and criteria.failed_thresholds(entry, thresholds, strict)
    ]
