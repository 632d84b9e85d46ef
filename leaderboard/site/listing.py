"""Every entry of a build with its row of the ranking and the name of its page."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from eval.challenge import Challenge
from eval.records.schema import Record
from leaderboard.entry import Entry
from leaderboard.ranking import by_conditions, ordered_groups
from leaderboard.rules import rule_of


@dataclass(frozen=True)
class Listed:
    """`id` is unique within a build and safe in file names and addresses."""

    id: str
    entry: Entry
    row: dict[str, Any]

    @property
    def rank(self) -> int | None:
        return None if self.row["rank"] is pd.NA or pd.isna(self.row["rank"]) else int(self.row["rank"])


@dataclass(frozen=True)
class Group:
    """Entries measured under equal conditions, in the order of the ranking."""

    label: str
    listed: list[Listed]
    baseline: Listed | None

    @property
    def entries(self) -> list[Entry]:
        return [item.entry for item in self.listed]

    @property
    def by_psnr(self) -> bool:
        return any(item.row["ranked_by"] == "psnr" for item in self.listed)


def groups_of(records: list[Record], challenge: Challenge, frame: pd.DataFrame) -> list[Group]:
    """The groups of `frame` (as `rank` made it of the same records), the largest first."""
    tables = by_conditions(frame)
    used: set[str] = set()
    found = []
    for conditions, entries in ordered_groups(records, challenge).items():
        by_model = {entry.model: entry for entry in entries}
        listed = [
            Listed(_unique(row["model"], used), by_model[row["model"]], {str(k): v for k, v in row.items()})
            for row in tables[conditions.label].to_dict("records")
        ]
        found.append(Group(conditions.label, listed, _baseline(listed, challenge)))
    return found


def _baseline(listed: list[Listed], challenge: Challenge) -> Listed | None:
    baseline = rule_of(challenge).baseline
    if baseline is None:
        return None
    names = baseline.names
    return next((item for item in listed if item.entry.ok and item.entry.model in names), None)


def _unique(name: str, used: set[str]) -> str:
    slug = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[:60] or "entry"
    candidate, number = slug, 2
    while candidate.lower() in used:  # some file systems take upper and lower case for the same
        candidate, number = f"{slug}-{number}", number + 1
    used.add(candidate.lower())
    return candidate


def known(value: Any) -> bool:
    """Whether a figure is there: neither None nor NaN."""
    return value is not None and value is not pd.NA and not (isinstance(value, float) and math.isnan(value))
