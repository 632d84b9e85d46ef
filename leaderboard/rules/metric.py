"""Image SR: a sum of quality metrics, each by its mean over all images."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from eval.challenge import MetricRanking, ScoreTerm
from eval.metrics.registry import METRICS, chosen, metric_named
from leaderboard.entry import Array, Entry, Mask
from leaderboard.rules.base import Column, Rule, Standings, competition_ranks, whole
from leaderboard.rules.resampling import DRAWS, resampled_means
from leaderboard.score_formulas import term_sum


class ByMetric(Rule[MetricRanking]):
    """A higher sum of terms is better; further tracks have sums of their own."""

    lower_is_better: ClassVar[bool] = False
    by_runtime: ClassVar[bool] = False

    @property
    def metric(self) -> str:
        named = [term.metric for term in self.data.terms]
        return next((name for name in named if METRICS[name].kind == "psnr"), "psnr")

    def sentence(self) -> str:
        terms = " + ".join(map(_term, self.data.terms))
        metrics = chosen([term.metric for term in self.data.terms], self.challenge.border)
        protocols = "; ".join(dict.fromkeys(metric.protocol for metric in metrics))
        return f"Ranked by {terms} on the {self.data.mode} images ({protocols})."

    def missing(self, group: list[Entry]) -> list[list[str]]:
        names, split = [term.metric for term in self.data.terms], self.data.mode
        return [
            [f"{name} is not known" for name in names if math.isnan(entry.mean(split, name))]
            for entry in group
        ]

    def scores(self, group: list[Entry], eligible: Mask) -> Standings:
        final = self._sums(group, self.data.terms)
        columns: dict[str, Column] = {"score_final": final.tolist()}
        for track in self.data.tracks:
            sums = self._sums(group, track.terms)
            columns[f"score_{track.name}"] = sums.tolist()
            columns[f"rank_{track.name}"] = whole(competition_ranks(-sums, eligible & ~np.isnan(sums)))
        return Standings(-final, columns)

    def resampled(self, group: list[Entry]) -> Array:
        means = {term.metric: resampled_means(group, self.data.mode, term.metric) for term in self.data.terms}
        return np.array(-np.broadcast_to(term_sum(self.data.terms, means), (DRAWS, len(group))))

    def _sums(self, group: list[Entry], terms: tuple[ScoreTerm, ...]) -> Array:
        """Sum of terms per entry; higher is better; NaN if a metric is missing."""
        means = {
            term.metric: np.array([entry.mean(self.data.mode, term.metric) for entry in group])
            for term in terms
        }
        return np.broadcast_to(term_sum(terms, means), (len(group),)).astype(float)


def _term(term: ScoreTerm) -> str:
    """Such as `PSNR-Y`, or `0.5 · (1 − LPIPS)`."""
    text = metric_named(term.metric).title
    if abs(term.factor) != 1:
        text = f"{abs(term.factor):g} · {text}"
    if term.offset:
        text = f"({term.offset:g} {'+' if term.factor > 0 else '−'} {text})"
    elif term.factor < 0:
        text = f"(−{text})"
    return text if term.weight == 1 else f"{term.weight:g} · {text}"
