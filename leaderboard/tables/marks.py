"""Cells of printed tables, and which of them are best."""

from __future__ import annotations

import math

import pandas as pd

from leaderboard.tables.columns import PrintedColumn

REASON_LENGTH = (
    160  # longer reasons of failures are cut in printed tables; the record and CSV have the whole text
)


def cells(frame: pd.DataFrame, columns: list[PrintedColumn]) -> list[tuple[str, ...]]:
    """Rows of formatted cells. By whole columns: reading a frame cell by cell takes a hundred times as long."""
    texts = [[column.text(value) for value in frame[column.name].tolist()] for column in columns]
    return list(zip(*texts, strict=True))


def best_marks(ranked: pd.DataFrame, columns: list[PrintedColumn]) -> dict[tuple[int, str], int]:
    """1 for the best and 2 for the second best printed figure of each column, by row and column name.

    Equal printed figures share the mark.
    """
    marks: dict[tuple[int, str], int] = {}
    for column in columns:
        if column.lower_is_better is None or len(ranked) < 2:
            continue
        shown = [round(float(value), column.decimals) for value in ranked[column.name]]
        present = {value for value in shown if not math.isnan(value)}
        distinct = sorted(present, reverse=not column.lower_is_better)[:2]
        for position, value in enumerate(shown):
            if value in distinct:
                marks[position, column.name] = 1 + distinct.index(value)
    return marks


def short_reason(text: str, length: int = REASON_LENGTH) -> str:
    """`text` on one line, cut with an ellipsis if it is longer than `length`.

    >>> short_reason("stopped:  no memory", 12)
    'stopped: no…'
    """
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
