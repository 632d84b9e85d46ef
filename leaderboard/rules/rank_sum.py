"""Efficient SR up to 2022: ranks in several quantities are added."""

from __future__ import annotations

import math

import numpy as np

from eval.challenge import RankSumRanking
from leaderboard.entry import Array, Entry, Mask
from leaderboard.rules.base import Column, Rule, Standings, competition_ranks, whole
from leaderboard.rules.resampling import resampled_runtimes


class RankSum(Rule[RankSumRanking]):
    """The lowest sum of ranks wins; the first track is the main one."""

    def sentence(self) -> str:
        return "Ranked by " + " and ".join(self.data.tracks[0].quantities) + "."

    def missing(self, group: list[Entry]) -> list[list[str]]:
        needed = dict.fromkeys(name for track in self.data.tracks for name in track.quantities)
        return [
            [f"{name} is not known" for name in needed if math.isnan(entry.quantity(name))] for entry in group
        ]

    def scores(self, group: list[Entry], eligible: Mask) -> Standings:
        columns: dict[str, Column] = {}
        for track in self.data.tracks:
            parts = [competition_ranks(_figures(group, name), eligible) for name in track.quantities]
            sums = np.sum(parts, axis=0)
            columns[f"ranksum_{track.name}"] = sums.tolist()
            columns[f"rank_{track.name}"] = whole(competition_ranks(sums, eligible))
        main = self.data.tracks[0]
        columns["score_final"] = columns[f"ranksum_{main.name}"]
        # One quantity ranks by itself: its figure, not its rank, is what ties by resampling can be told from.
        alone = len(main.quantities) == 1
        keys = _figures(group, main.quantities[0]) if alone else np.array(columns["score_final"], dtype=float)
        return Standings(keys, columns)

    def resampled(self, group: list[Entry]) -> Array:
        by_runtime = self.data.tracks[0].quantities == ("runtime_ms",)
        return resampled_runtimes(group) if by_runtime else super().resampled(group)


def _figures(group: list[Entry], name: str) -> Array:
    return np.array([entry.quantity(name) for entry in group], dtype=float)
