"""What the main command line prints and writes when a batch is done: the ranking of everything judged so far."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.errors import InputError
from data.text import without_controls
from eval.challenge import Challenge
from eval.records import store
from eval.records.schema import Record
from leaderboard import build, ranking, tables
from leaderboard.rules import rule_of

SHOWN = (
    "rank",
    "model",
    "val_psnr",
    "test_psnr",
    "val_ssim",
    "runtime_ms",
    "params_m",
    "flops_g",
    "score_final",
)


def summarise(
    records: list[Record], challenge: Challenge, save_dir: Path, shown: set[str], console: Console
) -> None:
    """Write `save_dir/leaderboard.csv` as a build does; print the newest results of the models in `shown`.

    Raises InputError where the file cannot be written.
    """
    records = build.comparable(records, challenge)
    frame = ranking.rank(records, challenge)
    try:
        tables.write_csv(frame, save_dir / "leaderboard.csv")
    except OSError as error:
        raise InputError(
            f"{save_dir}/leaderboard.csv: cannot be written ({error.strerror or error})"
        ) from None
    newest = {model: record for model, record in store.latest(records).items() if model in shown}
    flags = {
        model: ", ".join(dict.fromkeys(flag.name for flag in one.flags)) for model, one in newest.items()
    }
    sequences = [record.sequence for record in newest.values()]
    groups = ranking.by_conditions(frame)
    for label, group in groups.items():
        rows = group[group["model"].isin(list(newest)) & group["sequence"].isin(sequences)]
        if len(rows):
            title = challenge.title if len(groups) == 1 else f"{challenge.title}\n{label}"
            console.print(_table(rows, escape(title), rule_of(challenge).metric, flags))
    for note in frame.attrs.get("notes", []):
        console.print(note, highlight=False, markup=False)
    files = "results.json, results.txt, leaderboard.csv, records/"
    console.print(f"Results: {save_dir}/ ({files})", highlight=False, markup=False)


def _table(frame: pd.DataFrame, title: str, psnr: str, flags: dict[str, str]) -> Table:
    table = Table(title=title)
    columns = _columns(frame, psnr)
    for column in columns:
        table.add_column(escape(_title(column)), justify="left" if column == "model" else "right")
    table.add_column("Checkpoint")
    table.add_column("Note")
    for _, row in frame.iterrows():
        note = row["reason"] or flags[row["model"]]
        cells = [_cell(column, row[column]) for column in columns]
        texts = [*cells, str(row["checkpoint_source"] or "–"), str(note)]
        table.add_row(*(escape(without_controls(text)) for text in texts))
    return table


def _columns(frame: pd.DataFrame, psnr: str) -> list[str]:
    """Of `SHOWN`, those with a figure; `psnr` is the metric of PSNR that the challenge ranks by."""
    named = [column.replace("_psnr", f"_{psnr}") for column in SHOWN]
    return [column for column in named if column in frame and not frame[column].isna().all()]


def _title(column: str) -> str:
    if column in tables.PRINTED:
        return tables.PRINTED[column][0]
    mode, _, metric = column.partition("_")
    unit = " [dB]" if metric.startswith("psnr") else ""
    return f"{mode.capitalize()} {metric.upper().replace('_', '-').removesuffix('-FLOAT')}{unit}"


def _cell(column: str, value: object) -> str:
    if isinstance(value, str):
        return value
    decimals = 4 if "ssim" in column else tables.PRINTED[column][1] if column in tables.PRINTED else 2
    return tables.format_number(value, decimals)
