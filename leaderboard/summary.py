"""What the main command line prints and writes when a batch is done: the ranking of everything judged so far."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.errors import InputError
from eval import results
from eval.challenge import Challenge
from eval.results import Record
from leaderboard import ranking, tables
from leaderboard.figures import psnr_metric

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
    """Write `save_dir/leaderboard.csv` from the newest record of each model; print the rows of `shown`.

    Raises InputError where the file cannot be written.
    """
    frame = ranking.rank(list(results.latest(records).values()), challenge)
    try:
        tables.write_csv(frame, save_dir / "leaderboard.csv")
    except OSError as error:
        raise InputError(
            f"{save_dir}/leaderboard.csv: cannot be written ({error.strerror or error})"
        ) from None
    flags = {record.model: ", ".join(dict.fromkeys(flag.name for flag in record.flags)) for record in records}
    console.print(_table(frame[frame["model"].isin(list(shown))], challenge, flags))
    for note in frame.attrs.get("notes", []):
        console.print(note, highlight=False, markup=False)
    files = "results.json, results.txt, leaderboard.csv, records/"
    console.print(f"Results: {save_dir}/ ({files})", highlight=False, markup=False)


def _table(frame: pd.DataFrame, challenge: Challenge, flags: dict[str, str]) -> Table:
    table = Table(title=challenge.title)
    columns = _columns(frame, psnr_metric(challenge))
    for column in columns:
        table.add_column(escape(_title(column)), justify="left" if column == "model" else "right")
    table.add_column("Checkpoint")
    table.add_column("Note")
    for _, row in frame.iterrows():
        note = row["reason"] or flags[row["model"]]
        cells = [_cell(column, row[column]) for column in columns]
        table.add_row(*cells, str(row["checkpoint_source"] or "–"), str(note))
    return table


def _columns(frame: pd.DataFrame, psnr: str) -> list[str]:
    """Of `SHOWN`, those with a figure; `psnr` is the metric of PSNR that the challenge ranks by."""
    by_score = bool((frame["ranked_by"] == "score").any())
    named = [column.replace("_psnr", f"_{psnr}") for column in SHOWN if by_score or column != "score_final"]
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
