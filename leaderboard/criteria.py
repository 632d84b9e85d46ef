"""The figures of a group of entries that its order depends on, for the rule itself and for variants of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from eval.challenge import (
    Baseline,
    Challenge,
    EfficiencyRanking,
    MetricRanking,
    RankSumRanking,
    Term,
    Threshold,
    Weights,
)
from eval.metrics.registry import METRICS
from leaderboard.entry import Array, Entry
from leaderboard.score_formulas import (
    Reference,
    efficiency_exponent,
    log_final_score,
    term_sum,
)

RuntimeOf = Callable[[Entry], float]


def ranked_runtime(entry: Entry) -> float:
    """The rule's own runtime, as the protocol measures it."""
    return entry.runtime_ms


class References:
    """What each entry of a group is divided by: the newest evaluation of the baseline in its session, else the
    newest one under the same conditions, else the published figures. One that lacks a figure is passed over."""

    def __init__(self, group: list[Entry], baseline: Baseline, runtime_of: RuntimeOf) -> None:
        self._published = Reference(
            baseline.runtime_ms, baseline.flops_g, baseline.params_m, f"{baseline.model}, published"
        )
        self._elsewhere: Reference | None = None
        self._by_session: dict[str, Reference] = {}
        for entry in _evaluations(group, baseline.names):
            same = _measured_reference(entry, runtime_of, f"{entry.model}, same session")
            if same:
                self._by_session[entry.record.session] = same
                self._elsewhere = replace(same, source=f"{entry.model}, same machine, other session")

    def of(self, entry: Entry) -> Reference:
        return self._by_session.get(entry.record.session) or self._elsewhere or self._published


def _evaluations(group: list[Entry], names: tuple[str, ...]) -> list[Entry]:
    """Every successful evaluation of a model called one of `names` under the group's conditions, oldest first."""
    lists = {id(entry.evaluated): entry.evaluated for entry in group}  # entries of one build share one list
    found = [entry for evaluated in lists.values() for entry in evaluated if entry.model in names]
    return sorted(found, key=lambda entry: (entry.record.sequence, entry.record.created))


def _measured_reference(entry: Entry, runtime_of: RuntimeOf, source: str) -> Reference | None:
    figures = (runtime_of(entry), entry.complexity("flops_g"), entry.complexity("params_m"))
    if not all(math.isfinite(figure) and figure > 0 for figure in figures):
        return None
    return Reference(*figures, source)


@dataclass(frozen=True)
class Exponents:
    """Logarithms of the track scores of a group, in its order, and of the final score; lower is better."""

    runtime: Array
    flops: Array
    params: Array
    final: Array
    references: list[Reference]


def exponents(
    group: list[Entry],
    rule: EfficiencyRanking,
    runtime_of: RuntimeOf = ranked_runtime,
    weights: Weights | None = None,
) -> Exponents:
    """Track and final scores of `group` as logarithms; NaN for what was not measured."""
    known = References(group, rule.baseline, runtime_of)
    references = [known.of(entry) for entry in group]
    runtime = efficiency_exponent([runtime_of(entry) for entry in group], [r.runtime_ms for r in references])
    flops = efficiency_exponent(
        [entry.complexity("flops_g") for entry in group], [r.flops_g for r in references]
    )
    params = efficiency_exponent(
        [entry.complexity("params_m") for entry in group], [r.params_m for r in references]
    )
    final = log_final_score(runtime, flops, params, weights or rule.weights)
    return Exponents(runtime, flops, params, final, references)


def metric_scores(group: list[Entry], rule: MetricRanking, terms: tuple[Term, ...]) -> Array:
    """Sum of terms per entry; higher is better; NaN where a metric is missing."""
    means = {term.metric: np.array([entry.mean(rule.mode, term.metric) for entry in group]) for term in terms}
    return np.broadcast_to(term_sum(terms, means), (len(group),)).astype(float)


def quantity(entry: Entry, name: str) -> float:
    """`runtime_ms`, `memory_mib` or a complexity figure of `entry`."""
    if name in ("runtime_ms", "memory_mib"):
        return float(getattr(entry, name))
    return entry.complexity(name)


def psnr_metric(challenge: Challenge) -> str:
    """The PSNR that entries are ranked by where the images are not the challenge's: the one its rule names."""
    rule = challenge.ranking
    named = [term.metric for term in rule.terms] if isinstance(rule, MetricRanking) else []
    return next((metric for metric in named if METRICS[metric].kind == "psnr"), "psnr")


def psnr_key(entry: Entry, challenge: Challenge) -> float:
    """The mean of `psnr_metric` over `valid`, else over `test`; NaN where neither was measured."""
    metric = psnr_metric(challenge)
    valid = entry.mean("valid", metric)
    return entry.mean("test", metric) if math.isnan(valid) else valid


def failed_thresholds(
    entry: Entry, thresholds: tuple[Threshold, ...], strict: bool | None = None
) -> list[str]:
    """Sentences for the thresholds that `entry` misses. `strict` True compares every mean unrounded, False
    rounds all to two decimals, None does as the rule says."""
    reasons = []
    for threshold in thresholds:
        mean = entry.mean(threshold.mode, threshold.metric)
        decimals = threshold.decimals if strict is None else "unrounded" if strict else 2
        shown = mean if decimals == "unrounded" else round(mean, decimals)
        if not shown >= threshold.minimum:
            reasons.append(_reason(threshold, shown, decimals))
    return reasons


def _reason(threshold: Threshold, shown: float, decimals: int | Literal["unrounded"]) -> str:
    what = f"{threshold.mode} {threshold.metric.upper()}"
    if math.isnan(shown):
        return f"{what} was not measured (at least {threshold.minimum:.2f} dB)"
    text = f"{shown:.4f}" if decimals == "unrounded" else f"{shown:.{decimals}f}"
    return f"{what} {text} dB is below {threshold.minimum:.2f} dB"


def ranked_by_psnr(group: list[Entry], challenge: Challenge) -> bool:
    """Whether a group saw other images than the challenge's own, so that its score does not apply."""
    return not all(entry.owned_by(challenge) for entry in group if entry.ok)


def reasons(group: list[Entry], challenge: Challenge) -> list[str]:
    """Per entry, why it stands below the line; empty when it is ranked."""
    by_psnr = ranked_by_psnr(group, challenge)
    thresholds = thresholds_that_apply(challenge, group)
    found = []
    for entry in group:
        if not entry.ok:
            found.append(entry.record.error or "failed")
        elif by_psnr:
            found.append("PSNR was not measured" if math.isnan(psnr_key(entry, challenge)) else "")
        else:
            missing = [f"{name} is not known" for name in _missing_figures(entry, challenge)]
            found.append("; ".join(failed_thresholds(entry, thresholds) + missing))
    return found


def _missing_figures(entry: Entry, challenge: Challenge) -> list[str]:
    """Names of what the challenge ranks by and `entry` lacks."""
    rule = challenge.ranking
    if isinstance(rule, MetricRanking):
        return [term.metric for term in rule.terms if math.isnan(entry.mean(rule.mode, term.metric))]
    needed = ["runtime_ms", "flops_g", "params_m"]
    if isinstance(rule, RankSumRanking):
        needed = list(dict.fromkeys(name for track in rule.tracks for name in track.quantities))
    return [name for name in needed if math.isnan(quantity(entry, name))]


def thresholds_that_apply(challenge: Challenge, group: list[Entry]) -> tuple[Threshold, ...]:
    """The challenge's thresholds on modes that anyone in the group was evaluated on."""
    rule = challenge.ranking
    if not isinstance(rule, EfficiencyRanking | RankSumRanking):
        return ()
    modes = {mode for entry in group for mode in entry.modes}
    return tuple(threshold for threshold in rule.thresholds if threshold.mode in modes)
