"""What the main command line prints and writes after a batch: the ranking of everything judged so far."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console

from data.errors import InputError
from data.text import without_controls
from eval.challenge import Challenge
from eval.records import store
from eval.records.schema import Record
from leaderboard import build, ranking, tables
from leaderboard.tables.columns import (
    COSTS,
    REFERENCE,
    PrintedColumn,
    final_column,
    protocols,
    quality_columns,
    ranked_by,
    ranking_column,
)
from leaderboard.tables.terminal import TextColumn, print_line, to_terminal

FILES = "results.json, results.txt, leaderboard.csv, records/"


def summarise(
    records: list[Record], challenge: Challenge, save_dir: Path, shown: set[str], console: Console
) -> None:
    """Write `save_dir/leaderboard.csv` as a build does; print the newest results of the models in `shown`.

    Raises InputError if the file cannot be written.
    """
    records = build.comparable(records, challenge)
    frame = ranking.rank(records, challenge, store.read_rounds(save_dir))
    target = save_dir / "leaderboard.csv"
    try:
        tables.write_csv(frame, target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror or error})") from None
    newest = {model: record for model, record in store.latest(records).items() if model in shown}
    sequences = [record.sequence for record in newest.values()]
    groups = ranking.by_conditions(frame)
    for label, group in groups.items():
        rows = group[group["model"].isin(list(newest)) & group["sequence"].isin(sequences)]
        if len(rows):
            title = challenge.title if len(groups) == 1 else f"{challenge.title}\n{label}"
            _print_group(console, title, group, rows, newest)
    for note in frame.attrs.get("notes", []):
        print_line(console, note)
    console.print(f"Results: {save_dir}/ ({FILES})", highlight=False, markup=False, soft_wrap=True)


def _print_group(
    console: Console, title: str, group: pd.DataFrame, rows: pd.DataFrame, newest: dict[str, Record]
) -> None:
    """The table of `rows`, part of `group`; below it the protocols, and why rows are not ranked."""
    columns = _columns(group, rows)
    means = group.attrs.get("reference") or {}
    reference = bool(means.keys() & {column.name for column in columns})  # one more row, without a rank

    def texts(cells: Iterable[object], last: str = "") -> list[str]:
        return [_safe(cell) for cell in (*cells, *([last or "–"] if reference else []))]

    notes = [_note(row, newest[row["model"]]) for row in rows.to_dict("records")]
    shown = [
        TextColumn("Rank", texts(tables.format_number(rank, 0) for rank in rows["rank"]), keep=True),
        TextColumn("Model", texts(rows["model"], REFERENCE), left=True, keep=True),
        *(
            TextColumn(one.heading, texts(map(one.text, rows[one.name]), one.text(means.get(one.name))))
            for one in columns
        ),
        TextColumn("Checkpoint", texts(source or "–" for source in rows["checkpoint_source"]), left=True),
        TextColumn("Note", texts(notes, "reference"), left=True),
    ]
    to_terminal(console, title, shown)
    for line in filter(None, [ranked_by(group), *protocols(group, columns)]):
        print_line(console, line)
    for row in rows[rows["reason"] != ""].to_dict("records"):
        failed = row["status"] == "failed"
        reason = (
            newest[row["model"]].error if failed else row["reason"]
        )  # with paths, unlike published tables
        print_line(console, _safe(f"{row['model']}: {'failed' if failed else 'not ranked'}: {reason}"))


_COST_ORDER = ("runtime_ms", "ratio", "params_m", "flops_g")


def _columns(group: pd.DataFrame, rows: pd.DataFrame) -> list[PrintedColumn]:
    """Of the printed columns those with a figure in `rows`: metrics of one colour space, costs and the score."""
    ranks = ranking_column(group)
    metric = ranks.metric or next((column.metric for column in quality_columns(group)), None)
    quality = [
        column
        for column in quality_columns(group)
        if column.metric
        and metric
        and (column.metric.colour, column.metric.border) == (metric.colour, metric.border)
    ]
    score = [] if ranks.metric else [final_column(group)]
    costs = {column.name: column for column in COSTS}
    wanted = [*quality, *(costs[name] for name in _COST_ORDER), *score]
    return [column for column in wanted if column.name in rows and rows[column.name].notna().any()]


def _note(row: Mapping[Hashable, object], record: Record) -> str:
    """The names of the flags, or that the entry has no rank; the reason stands below the table."""
    if row["status"] == "failed":
        return "failed"
    names = list(dict.fromkeys(flag.name for flag in record.flags))
    return ", ".join([*(["not ranked"] if row["reason"] else []), *names])


def _safe(text: object) -> str:
    return without_controls(str(text))
