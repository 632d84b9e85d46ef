"""A ranking for programs: CSV and JSON, all columns with all digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from data.text import spreadsheet_text
from eval.records.schema import dump_json, json_number
from eval.records.store import write_atomic
from leaderboard.tables.numbers import known


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """All columns with all digits; missing figures are empty, infinite ones `inf`. UTF-8, one header line.

    Submissions choose some of the text. Text that a spreadsheet would calculate gets an apostrophe in front.
    """
    safe = frame.map(lambda cell: spreadsheet_text(cell) if isinstance(cell, str) else cell)
    write_atomic(path, safe.to_csv(index=False, lineterminator="\n"))


def table_json(frame: pd.DataFrame) -> str:
    """Strict JSON: `{"challenge", "notes", "metrics", "rows"}`; missing figures are null, infinite ones `"Infinity"`.

    `metrics` maps each metric to its protocol in words.
    """
    rows = [{str(column): _plain(value) for column, value in row.items()} for row in frame.to_dict("records")]
    return dump_json(
        {
            "challenge": frame.attrs.get("challenge", ""),
            "notes": frame.attrs.get("notes", []),
            "metrics": {metric.name: metric.protocol for metric in frame.attrs.get("metrics", ())},
            "rows": rows,
        }
    )


def _plain(value: Any) -> Any:
    if not known(value):
        return None
    if isinstance(value, float):
        return json_number(value)
    return value if isinstance(value, str | bool | int) else value.item()
