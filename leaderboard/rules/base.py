"""What every ranking rule answers about a group of entries, and how thresholds are applied."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd

from eval.challenge import Baseline, Challenge, Ranking, Threshold
from eval.metrics.registry import metric_named
from leaderboard.entry import Array, Entry, Mask
from leaderboard.rules.resampling import DRAWS
from leaderboard.rules.thresholds import failed_thresholds, limit_text

Kind = TypeVar("Kind", bound=Ranking)
Column = Sequence[float | int | None]


@dataclass(frozen=True)
class Standings:
    """What a rule makes of a group. All sequences follow the order of the group.

    keys: what the group is ordered by, lower first; NaN if unknown. columns: further figures by column of the table.
    references: what each entry is compared with, in words. notes: what a reader of the table must know.
    slopes: the derivative of `keys` by the logarithm of an entry's runtime; None if runtime does not rank.
    """

    keys: Array
    columns: dict[str, Column] = field(default_factory=dict)
    references: Sequence[str] = ()
    notes: Sequence[str] = ()
    slopes: Array | None = None


@dataclass(frozen=True)
class Alternative:
    """Another defensible way to rank a group: keys (lower first), keys by runtime alone, and who is ranked."""

    name: str
    keys: Array
    runtime: Array
    eligible: Mask


class Rule(ABC, Generic[Kind]):
    """How one challenge ranks: its data (`data`) and what follows from them for a group of entries.

    ranked_by: the word in the column of that name. lower_is_better: of `score_final`. by_runtime: whether runtimes
    decide ties of entries whose images are not known one by one.
    """

    ranked_by: ClassVar[str] = "score"
    lower_is_better: ClassVar[bool] = True
    by_runtime: ClassVar[bool] = True

    def __init__(self, challenge: Challenge, data: Kind) -> None:
        self.challenge, self.data = challenge, data

    @abstractmethod
    def sentence(self) -> str:
        """The rule in one sentence, without thresholds."""

    @abstractmethod
    def missing(self, group: list[Entry]) -> list[list[str]]:
        """For each entry, sentences on what it lacks to be ranked."""

    @abstractmethod
    def scores(self, group: list[Entry], eligible: Mask) -> Standings:
        """Keys and columns of `group`; ranks count the `eligible` entries only."""

    @property
    def baseline(self) -> Baseline | None:
        """The system that scores compare with; None for rules without one."""
        return None

    @property
    def metric(self) -> str:
        """The quality metric that ranks, or that thresholds look at: the one that every output shows."""
        return "psnr"

    def resampled(self, group: list[Entry]) -> Array:
        """DRAWS x entries: the keys in each resample of the images; NaN if they cannot be known."""
        return np.full((DRAWS, len(group)), np.nan)

    def runtime_factor(self, _group: list[Entry], _index: int, _key: float) -> float | None:
        """What an entry's runtime must be multiplied by to reach `_key`; None if no runtime reaches it."""
        return None

    def alternatives(self, _group: list[Entry]) -> list[Alternative]:
        """The rule itself first, then one alternative per choice; empty if the rule leaves no such choice."""
        return []

    def notes(self, group: list[Entry]) -> list[str]:
        """What a reader of the group's table must know, beside `Standings.notes`."""
        if not any(entry.ok for entry in group):
            return []  # no further images would rank those that failed
        applied = self.applied_thresholds(group)
        missing = dict.fromkeys(one.mode for one in self.data.thresholds if one not in applied)
        return [
            f"Provisional: no entry was evaluated on '{split}', so its threshold is not applied."
            for split in missing
        ]

    def rule_text(self) -> str:
        """The rule and its thresholds, in two sentences at most."""
        limits = " and ".join(map(limit_text, self.data.thresholds))
        if not limits:
            return self.sentence()
        titles = dict.fromkeys(metric_named(one.metric).title for one in self.data.thresholds)
        return f"{self.sentence()} {' and '.join(titles)} must reach {limits}."

    def reasons(self, group: list[Entry]) -> list[str]:
        """For each entry, why it stands below the line; empty if it is ranked."""
        thresholds = self.applied_thresholds(group)
        return [
            "; ".join(failed_thresholds(entry, thresholds) + lacks)
            if entry.ok
            else entry.record.error or "failed"
            for entry, lacks in zip(group, self.missing(group), strict=True)
        ]

    def applied_thresholds(self, group: list[Entry]) -> tuple[Threshold, ...]:
        """The thresholds on splits that anyone in the group was evaluated on."""
        splits = {split for entry in group for split in entry.modes}
        return tuple(threshold for threshold in self.data.thresholds if threshold.mode in splits)


def competition_ranks(values: Any, counted: Any) -> Array:
    """1, 2, 2, 4 ...: equal values share a rank. NaN for entries that do not count, and for NaN."""
    series = pd.Series(np.where(counted, np.asarray(values, dtype=float), np.nan))
    return np.asarray(series.rank(method="min"), dtype=float)


def whole(ranks: Array) -> list[int | None]:
    """Ranks as integers, None for NaN."""
    return [None if math.isnan(rank) else int(rank) for rank in ranks]
