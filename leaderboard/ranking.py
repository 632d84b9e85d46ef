"""From records and a challenge to one ranked table. A pure function: it reads no file and writes none.

Groups: records of different machines, data sets, protocols or sources never share a runtime column and are never
ranked against each other. The largest group comes first and owns `runtime_ms`. The rows of every further group carry
their runtime in a column of their own, `runtime_ms [label of the group]`, and are ranked among themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from eval.challenge import Challenge
from eval.metrics.metric import Metric
from eval.metrics.registry import chosen
from eval.records.public import without_paths
from eval.records.rounds import RoundRecord
from eval.records.schema import Record, SubmissionInfo
from leaderboard import checks
from leaderboard.conditions import Conditions
from leaderboard.confidence import interleaved, ties
from leaderboard.entry import Array, Entry, Mask, group_sizes, newest
from leaderboard.row import FIELDS, SPLIT_NAMES, TEXTS, TIMES, Row, column_of, row_of
from leaderboard.rules import rule_for
from leaderboard.rules.base import Rule, Standings, competition_ranks, whole

# Ranked by itself and cut to no rows, it gives an empty table the columns that a full one has.
_NOBODY = Entry(Record(challenge="", submission=SubmissionInfo(model=""), status="failed"))


def rank(records: list[Record], challenge: Challenge, rounds: Sequence[RoundRecord] = ()) -> pd.DataFrame:
    """One row per model and conditions, best first; excluded entries below, then failed ones with their reason.

    `rank` (integer, missing below the line) counts within a group. `ties with` names the entries whose difference to
    this one is within what resampling the images explains. `frame.attrs["notes"]` lists what a reader must know,
    `frame.attrs["group_notes"]` the same for each group by its label, `frame.attrs["metrics"]` its `shown_metrics`,
    `frame.attrs["references"]` bicubic's means by label, `frame.attrs["reference"]` those of the first group.
    rounds: of interleaved campaigns; they give ratios to the baseline, and sets of ranks.
    Raises nothing for odd records: what is missing is NaN, and the reason is in the row.
    """
    groups = ordered_groups(records, challenge, rounds)
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    group_notes: dict[str, list[str]] = {}
    for index, (conditions, group) in enumerate(groups.items()):
        ranked, said = _rank_group(group, challenge)
        rows += [row.columns(times_of=conditions.label if index else "") for row in ranked]
        notes += said if len(groups) == 1 else [f"{conditions.label}: {note}" for note in said]
        group_notes[conditions.label] = said
    if len(groups) > 1:
        notes.append(
            "Several machines, data sets or protocols: each is ranked apart and has its own runtime column."
        )
    nobody = _rank_group([_NOBODY], challenge)[0][0].columns()
    table = _typed(
        pd.DataFrame(rows, dtype=object) if rows else pd.DataFrame(columns=list(nobody), dtype=object)
    )
    table.attrs["notes"] = list(dict.fromkeys(notes))
    table.attrs["group_notes"] = group_notes
    table.attrs["challenge"] = challenge.name
    table.attrs["metrics"] = shown_metrics(challenge)
    table.attrs["references"] = {one.label: _reference(group) for one, group in groups.items()}
    table.attrs["reference"] = next(iter(table.attrs["references"].values()), {})
    return table


def shown_metrics(challenge: Challenge) -> tuple[Metric, ...]:
    """The metrics of a challenge with its border, those that rank first."""
    names = dict.fromkeys((*challenge.ranking.metrics, *challenge.metrics))
    return tuple(chosen(names, challenge.border))


def by_conditions(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A ranking taken apart into its groups, by label and in its order.

    Each has its times under the usual names and no columns of other groups; its `attrs["notes"]` are its own.
    """
    shared = [name for name in table if not str(name).startswith(tuple(f"{time} [" for time in TIMES))]
    found = {}
    for label in dict.fromkeys(table["conditions"]):
        rows = table[table["conditions"] == label]
        own = {time: rows[column] for time in TIMES if (column := column_of(time, label)) in table}
        found[label] = rows[shared].assign(**own).reset_index(drop=True)
        notes, reference = (table.attrs[name].get(label) for name in ("group_notes", "references"))
        found[label].attrs = {**table.attrs, "notes": notes, "reference": reference}
    return found


def ordered_groups(
    records: list[Record], challenge: Challenge, rounds: Sequence[RoundRecord] = ()
) -> dict[Conditions, list[Entry]]:
    """The groups that `rank` ranks apart, the largest first, each with its newest entries."""
    entries = newest(records, challenge.runs)
    if rounds:
        interleaved.attach(entries, rounds)
    sizes = group_sizes(entries)
    groups: dict[Conditions, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.conditions, []).append(entry)
    return dict(sorted(groups.items(), key=lambda item: -sizes.get(item[0], 0)))


def _rank_group(group: list[Entry], challenge: Challenge) -> tuple[list[Row], list[str]]:
    """The rows of a group in the order of the ranking, and what a reader of them must know."""
    rule = rule_for(group, challenge)
    reasons = rule.reasons(group)
    eligible = np.array([reason == "" for reason in reasons])
    scores = rule.scores(group, eligible)
    ranks = whole(competition_ranks(scores.keys, eligible))
    tied = ties.ties(group, rule, scores.keys, eligible)
    flags = checks.flag_texts(group, challenge)
    rows = [row_of(entry, challenge) for entry in group]
    for i, row in enumerate(rows):
        row.rank, row.eligible = ranks[i], bool(eligible[i])
        row.reason, row.flags = without_paths(reasons[i]), without_paths(flags[i])  # tables are published
        row.ties_with = ", ".join(group[other].model for other in tied[i])
        row.ranked_by = rule.ranked_by
        row.reference = scores.references[i] if scores.references else ""
        _set_columns(row, scores, i)
    if any(entry.ratios for entry in group):
        interleaved.fill_rounds(rows, group, scores.keys, scores.slopes, eligible)
    order = _order(group, scores.keys, eligible)
    return [rows[i] for i in order], [*scores.notes, *_notes(group, rule)]


def _reference(group: list[Entry]) -> dict[str, float]:
    """Means of bicubic enlargement on the images of a group, by column; empty if nobody measured them."""
    found = next((entry.record.reference for entry in reversed(group) if entry.record.reference), {})
    return {
        f"{SPLIT_NAMES[split]}_{metric}": mean
        for split, result in found.items()
        for metric in (result.images[0].metrics if result.images else {})
        if (mean := result.mean(metric)) is not None
    }


def _set_columns(row: Row, scores: Standings, index: int) -> None:
    """The rule's figures of one entry: fields of the row by their names, the others in `figures`."""
    for name, values in scores.columns.items():
        if name in FIELDS:
            setattr(row, name, values[index])
        else:
            row.figures[name] = values[index]


def _order(group: list[Entry], keys: Array, eligible: Mask) -> list[int]:
    """Best first; below them the excluded entries, then the failed ones; by name if nothing else tells."""

    def place(i: int) -> tuple[int, float, str]:
        below = 0 if eligible[i] else 1 if group[i].ok else 2
        return below, math.inf if math.isnan(keys[i]) else float(keys[i]), group[i].model

    return sorted(range(len(group)), key=place)


def _notes(group: list[Entry], rule: Rule[Any]) -> list[str]:
    """What the rules ask for and the evaluations of this group do not give."""
    notes, challenge = rule.notes(group), rule.challenge
    measured = [entry for entry in group if entry.ok and entry.record.source == "measured"]
    fewer = sum(
        len(entry.runs) < challenge.runs for entry in measured if entry.conditions.protocol == "ntire"
    )
    if fewer and rule.ranked_by == "score":
        notes.append(
            f"The rules average {challenge.runs} runs; {fewer} of {len(measured)} entries were evaluated less often."
        )
    counters = {_counter(entry) for entry in measured if not math.isnan(entry.complexity("flops_g"))}
    if counters and challenge.flops_counter != "fvcore":
        notes.append(
            f"FLOPs are counted by {', '.join(sorted(counters))}; {challenge.title} published those of "
            f"{challenge.flops_counter}, which can differ by a factor of two and order entries otherwise."
        )
    return notes


def _counter(entry: Entry) -> str:
    """Whose FLOPs an entry has; older records name none and have fvcore's."""
    complexity = entry.record.complexity
    return (complexity.flops_counter if complexity else "") or "fvcore"


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Ranks and counts as nullable integers, `eligible` as booleans, other numbers as floats, the rest as text."""
    for column in table.columns:
        if column == "eligible":
            table[column] = table[column].astype(bool)
        elif column in ("rank", "sequence", "runs", "rounds") or str(column).startswith("rank_"):
            table[column] = table[column].astype("Int64")
        elif column in TEXTS:
            table[column] = table[column].fillna("").astype(str)
        else:
            table[column] = table[column].astype(float)
    return table
