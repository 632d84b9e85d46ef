"""A ranking as Markdown."""

from __future__ import annotations

import pandas as pd

from data.text import markdown_text
from leaderboard.ranking import by_conditions
from leaderboard.tables.columns import PrintedColumn, printed_columns, protocols, ranked_by, reference_row
from leaderboard.tables.marks import best_marks, cells, short_reason

TEXT_COLUMNS = ("model", "ties with")


def to_markdown(frame: pd.DataFrame) -> str:
    """A table of the ranked entries of each machine and data set, best figures bold.

    Notes stand above it. The protocols of its metrics, and the excluded and failed entries with their reasons, stand
    below.
    """
    groups = by_conditions(frame)
    if len(groups) < 2:
        return _table(frame)
    parts = [f"## {markdown_text(label)}\n\n{_table(group)}" for label, group in groups.items()]
    return "\n".join(parts)


def _table(frame: pd.DataFrame) -> str:
    columns = printed_columns(frame)
    said = [*frame.attrs.get("notes", []), *filter(None, [ranked_by(frame)])]
    lines = [f"**{markdown_text(note)}**\n" for note in said]
    lines += [_row([markdown_text(column.heading) for column in columns]), _rule(columns)]
    ranked = frame[frame["eligible"]]
    marks = best_marks(ranked, columns)
    for position, row in enumerate(cells(ranked, columns)):
        texts = zip(columns, map(markdown_text, row), strict=True)
        lines.append(
            _row(
                [f"**{text}**" if marks.get((position, column.name)) == 1 else text for column, text in texts]
            )
        )
    if reference := reference_row(frame, columns):
        lines.append(_row(list(map(markdown_text, reference))))
    lines += ["", *(f"{markdown_text(line)}  " for line in protocols(frame, columns))]
    lines += _excluded(frame[~frame["eligible"]])
    return "\n".join(lines) + "\n"


def _row(texts: list[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _rule(columns: list[PrintedColumn]) -> str:
    return "|" + "|".join(":--" if column.name in TEXT_COLUMNS else "--:" for column in columns) + "|"


def _excluded(frame: pd.DataFrame) -> list[str]:
    if not len(frame):
        return []
    rows = frame[["model", "reason"]].to_dict("records")
    return [
        "",
        "Not ranked:",
        "",
        *(f"- {markdown_text(row['model'])}: {markdown_text(short_reason(row['reason']))}" for row in rows),
    ]
