"""Efficient SR from 2024 on: runtime, FLOPs and parameters, each compared with the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eval.challenge import Baseline, EfficiencyRanking, ScoreWeights
from leaderboard.entry import Array, Entry, Mask
from leaderboard.rules.base import (
    Alternative,
    Column,
    Rule,
    Standings,
    competition_ranks,
    whole,
)
from leaderboard.rules.reference import Reference, References, RuntimeOf
from leaderboard.rules.resampling import resampled_runtimes
from leaderboard.rules.thresholds import failed_thresholds
from leaderboard.score_formulas import efficiency_exponent, log_final_score, score_of

SCORES = ["score_runtime", "score_flops", "score_params", "score_final"]
SUBTRACKS = ["rank_runtime", "rank_flops", "rank_params"]


@dataclass(frozen=True)
class _Exponents:
    """Logarithms of the track scores of a group, in its order, and of the final score; lower is better."""

    runtime: Array
    flops: Array
    params: Array
    final: Array
    references: list[Reference]


class Efficiency(Rule[EfficiencyRanking]):
    """Lower sum of weight * exp(2 * x / x_baseline) is better."""

    @property
    def baseline(self) -> Baseline:
        return self.data.baseline

    def sentence(self) -> str:
        w, b = self.data.weights, self.data.baseline
        return (
            f"Lower is better: {w.runtime:g} · exp(2 · runtime/baseline) + {w.flops:g} · exp(2 · FLOPs/baseline) "
            f"+ {w.params:g} · exp(2 · parameters/baseline). The baseline, {b.model}, scores 7.389."
        )

    def missing(self, group: list[Entry]) -> list[list[str]]:
        found = []
        for entry, reference in zip(group, self._references(group), strict=True):
            names = ("runtime_ms", "flops_g", "params_m")
            lacks = [f"{name} is not known" for name in names if math.isnan(entry.quantity(name))]
            if math.isnan(reference.runtime_ms) and self.data.weights.runtime > 0:
                lacks.append(
                    f"no score without the baseline: evaluate {self.baseline.model} on this machine too"
                )
            found.append(lacks)
        return found

    def scores(self, group: list[Entry], eligible: Mask) -> Standings:
        found = self._exponents(group)
        tracks = (found.runtime, found.flops, found.params, found.final)
        columns: dict[str, Column] = {
            name: score_of(values).tolist() for name, values in zip(SCORES, tracks, strict=True)
        }
        for name in SUBTRACKS:
            values = np.array(columns["score" + name.removeprefix("rank")], dtype=float)
            columns[name] = whole(competition_ranks(values, eligible & ~np.isnan(values)))
        columns["runtime_ratio"] = [
            entry.runtime_ms / reference.runtime_ms
            for entry, reference in zip(group, found.references, strict=True)
        ]
        named = zip(group, found.references, strict=True)
        references = [reference.source if entry.ok else "" for entry, reference in named]
        notes = _reference_notes(group, found.references)
        return Standings(found.final, columns, references, notes, self._slopes(found))

    def _slopes(self, found: _Exponents) -> Array:
        """Of log S = log(w exp(2q) + rest) by log q: w exp(2q) 2q / S, with 2q the runtime's exponent."""
        share = self.data.weights.runtime * np.exp(found.runtime - found.final)
        slopes: Array = share * found.runtime
        return slopes

    def runtime_factor(self, group: list[Entry], index: int, key: float) -> float | None:
        """Solves S = w exp(2q) + rest for q, in parts of the entry's own score S so that nothing overflows.

        None for the baseline: its score is exp(2) at any runtime.
        """
        if group[index].model in self.data.baseline.names:
            return None
        found, weight = self._exponents(group), self.data.weights.runtime
        own, final = float(found.runtime[index]), float(found.final[index])
        left = math.exp(key - final) - 1 + weight * math.exp(own - final)
        exponent = math.log(left / weight) + final if left > 0 < weight else -math.inf
        return exponent / own if exponent > 0 else None

    def resampled(self, group: list[Entry]) -> Array:
        fixed = self._exponents(group)
        runtime = efficiency_exponent(
            resampled_runtimes(group), [reference.runtime_ms for reference in fixed.references]
        )
        flops, params = (np.broadcast_to(one, runtime.shape) for one in (fixed.flops, fixed.params))
        return log_final_score(runtime, flops, params, self.data.weights)

    def alternatives(self, group: list[Entry]) -> list[Alternative]:
        thresholds, weights = self.applied_thresholds(group), self.data.weights

        def alternative(
            name: str,
            runtime_of: RuntimeOf = Entry.ranked_runtime,
            strict: bool | None = None,
            weights: ScoreWeights = weights,
        ) -> Alternative:
            found = self._exponents(group, runtime_of, weights)
            kept = [entry.ok and not failed_thresholds(entry, thresholds, strict) for entry in group]
            return Alternative(name, found.final, found.runtime, np.array(kept) & ~np.isnan(found.final))

        return [
            alternative("rule"),
            alternative("median", lambda entry: entry.median_ms),
            alternative("no_cold", lambda entry: entry.warm_ms),
            alternative("strict", strict=True),
            alternative("rounded", strict=False),
            alternative("equal_weights", weights=ScoreWeights(runtime=1 / 3, flops=1 / 3, params=1 / 3)),
            alternative("less_runtime", weights=_shifted(weights, -0.1)),
            alternative("more_runtime", weights=_shifted(weights, 0.1)),
        ]

    def _references(
        self, group: list[Entry], runtime_of: RuntimeOf = Entry.ranked_runtime
    ) -> list[Reference]:
        known = References(group, self.baseline, self.challenge.device, runtime_of)
        return [known.of(entry) for entry in group]

    def _exponents(
        self,
        group: list[Entry],
        runtime_of: RuntimeOf = Entry.ranked_runtime,
        weights: ScoreWeights | None = None,
    ) -> _Exponents:
        """Track and final scores of `group` as logarithms; NaN for what was not measured."""
        references = self._references(group, runtime_of)

        def exponent(own: Callable[[Entry], float], base: Callable[[Reference], float]) -> Array:
            return efficiency_exponent([own(entry) for entry in group], [base(one) for one in references])

        runtime = exponent(runtime_of, lambda one: one.runtime_ms)
        flops = exponent(lambda entry: entry.complexity("flops_g"), lambda one: one.flops_g)
        params = exponent(lambda entry: entry.complexity("params_m"), lambda one: one.params_m)
        final = log_final_score(runtime, flops, params, weights or self.data.weights)
        return _Exponents(runtime, flops, params, final, references)


def _reference_notes(group: list[Entry], references: list[Reference]) -> list[str]:
    """How many entries have a reference that was not measured on their machine."""
    used = [reference for entry, reference in zip(group, references, strict=True) if entry.ok]
    published = sum(reference.published for reference in used)
    if published and published < len(used):
        return [
            f"{published} of {len(used)} entries are compared with the published baseline: it was not "
            "measured in their session or on their machine."
        ]
    if published:
        return [
            "Scores compare with the published baseline figures: the baseline was not evaluated with these entries."
        ]
    return []


def _shifted(weights: ScoreWeights, shift: float) -> ScoreWeights:
    """Weights with that of runtime changed by `shift` within 0..1, the others sharing the rest as before."""
    runtime = min(max(weights.runtime + shift, 0.0), 1.0)
    others = weights.flops + weights.params
    flops = (1 - runtime) * (weights.flops / others if others else 0.5)
    return ScoreWeights(runtime=runtime, flops=flops, params=1 - runtime - flops)
