"""Images that are not the challenge's own: ranked by PSNR, because its score does not apply."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from eval.challenge import Baseline, Ranking
from leaderboard.entry import Array, Entry, Mask
from leaderboard.rules.base import Column, Rule, Standings
from leaderboard.rules.resampling import resampled_means

PSNR_NOTE = "Ranked by PSNR: these images are not the challenge's own, so its score does not apply."


class OtherImages(Rule[Ranking]):
    """By the PSNR that the challenge's own rule looks at: over `valid`, else over `test`."""

    ranked_by: ClassVar[str] = "psnr"
    lower_is_better: ClassVar[bool] = False
    by_runtime: ClassVar[bool] = False

    def __init__(self, rule: Rule[Any]) -> None:
        super().__init__(rule.challenge, rule.data)
        self._rule = rule

    @property
    def baseline(self) -> Baseline | None:
        return self._rule.baseline

    @property
    def metric(self) -> str:
        return self._rule.metric

    def sentence(self) -> str:
        return PSNR_NOTE

    def missing(self, group: list[Entry]) -> list[list[str]]:
        return [["PSNR was not measured"] if math.isnan(self._psnr(entry)) else [] for entry in group]

    def applied_thresholds(self, _group: list[Entry]) -> tuple[()]:
        """None: they are limits on the challenge's own images."""
        return ()

    def notes(self, _group: list[Entry]) -> list[str]:
        return []

    def scores(self, group: list[Entry], eligible: Mask) -> Standings:
        """The columns of the challenge's rule stay, but no output may show a score or a rank of its tracks."""
        found = self._rule.scores(group, eligible)
        blank: dict[str, Column] = {
            name: [None] * len(group) if name.startswith(("score_", "rank_", "ranksum_")) else values
            for name, values in found.columns.items()
        }
        keys = -np.array([self._psnr(entry) for entry in group], dtype=float)
        ratios = np.array(blank.get("runtime_ratio", [None] * len(group)), dtype=float)
        references = [
            "" if np.isnan(ratio) else one for ratio, one in zip(ratios, found.references, strict=False)
        ]
        return Standings(keys, blank, references, [PSNR_NOTE])

    def resampled(self, group: list[Entry]) -> Array:
        split = "valid" if any("valid" in entry.modes for entry in group) else "test"
        return -resampled_means(group, split, self.metric)

    def _psnr(self, entry: Entry) -> float:
        valid = entry.mean("valid", self.metric)
        return entry.mean("test", self.metric) if math.isnan(valid) else valid
