"""Every entry of a build with its row of the ranking and the name of its page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from eval.challenge import Challenge
from eval.metrics.metric import Metric
from eval.records.schema import Record
from leaderboard.entry import Entry
from leaderboard.ranking import by_conditions, ordered_groups
from leaderboard.rules import rule_of
from leaderboard.tables.columns import (
    PrintedColumn,
    figure_columns,
    metrics_of,
    quality_columns,
    ranking_column,
)


@dataclass(frozen=True)
class Listed:
    """`id` is unique within a build and safe in file names and addresses."""

    id: str
    entry: Entry
    row: dict[str, Any]

    @property
    def rank(self) -> int | None:
        """The place in the main track; None if the entry is not ranked."""
        return None if pd.isna(self.row["rank"]) else int(self.row["rank"])


@dataclass(frozen=True)
class EntryGroup:
    """Entries measured under equal conditions, in the order of the ranking.

    columns: means and costs that anybody has. reference: bicubic's means by column. ranks_by: the column that orders
    the group.
    """

    label: str
    listed: list[Listed]
    baseline: Listed | None
    columns: list[PrintedColumn]
    reference: dict[str, float]
    ranks_by: PrintedColumn

    @property
    def entries(self) -> list[Entry]:
        """The entries alone, in the same order."""
        return [item.entry for item in self.listed]

    @property
    def by_psnr(self) -> bool:
        """Whether the challenge's score does not apply to the images of the group."""
        return any(item.row["ranked_by"] == "psnr" for item in self.listed)


def groups_of(records: list[Record], challenge: Challenge, frame: pd.DataFrame) -> list[EntryGroup]:
    """The groups of `frame` (as `rank` made it of the same records), the largest first."""
    tables = by_conditions(frame)
    used: set[str] = set()
    found = []
    for conditions, entries in ordered_groups(records, challenge).items():
        by_model = {entry.model: entry for entry in entries}
        table = tables[conditions.label]
        listed = [
            Listed(_unique(row["model"], used), by_model[row["model"]], {str(k): v for k, v in row.items()})
            for row in table.to_dict("records")
        ]
        baseline = _baseline(listed, challenge)
        reference = table.attrs.get("reference") or {}
        columns, ranks_by = figure_columns(table), ranking_column(table)
        found.append(EntryGroup(conditions.label, listed, baseline, columns, reference, ranks_by))
    return found


def image_metric(frame: pd.DataFrame) -> Metric:
    """The metric that pages show of single images: the first that anybody has of those that rank first."""
    columns = quality_columns(frame)
    return columns[0].metric if columns and columns[0].metric else metrics_of(frame)[0]


def _baseline(listed: list[Listed], challenge: Challenge) -> Listed | None:
    baseline = rule_of(challenge).baseline
    names = baseline.names if baseline else ()
    return next((item for item in listed if item.entry.ok and item.entry.model in names), None)


def _unique(name: str, used: set[str]) -> str:
    slug = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[:60] or "entry"
    candidate, number = slug, 2
    while candidate.lower() in used:  # some file systems take upper and lower case for the same
        candidate, number = f"{slug}-{number}", number + 1
    used.add(candidate.lower())
    return candidate
