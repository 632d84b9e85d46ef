"""A ranking for a terminal of any width.

Names and numbers are never cut. Columns that do not fit move to lines below the table.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

EMPTY = ("", "–")
PADDING = 3  # a border and a space on each side of every column


@dataclass(frozen=True)
class TextColumn:
    """One column as text. keep: it stays in the table whatever the width. lines: its heading may take several."""

    heading: str
    cells: Sequence[str]
    left: bool = False
    keep: bool = False
    lines: bool = False

    @property
    def width(self) -> int:
        """The width of its longest cell, or of its heading (the longest word, if that may take several lines)."""
        words = self.heading.split(" ") if self.lines else [self.heading]
        return max(map(cell_len, (*words, *self.cells)))


def to_terminal(console: Console, title: str, columns: list[TextColumn]) -> None:
    """Print a table as wide as `console` at most; `columns` begin with the rank and the name."""
    if _width(columns) > console.width:
        columns = [replace(column, lines=True) for column in columns]
    shown, moved = _split(columns, console.width)
    names = next((column.cells for column in columns if column.keep and column.left), [])
    table = Table(title=escape(title), width=_width(shown))
    for column in shown:
        table.add_column(
            _wrapped(column), width=column.width, justify="left" if column.left else "right", no_wrap=True
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*map(escape, row))
    console.print(table, crop=False)
    for index, name in enumerate(names):
        parts = [f"{column.heading} {cell}" for column in moved if (cell := column.cells[index]) not in EMPTY]
        if parts:
            print_line(console, f"{name}: {', '.join(parts)}")


def print_line(console: Console, text: str) -> None:
    """Print one line; a longer one goes on below, indented, and breaks at spaces only."""
    lines = textwrap.wrap(
        text, console.width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _split(columns: list[TextColumn], width: int) -> tuple[list[TextColumn], list[TextColumn]]:
    """What fits into `width`, in order, and what does not."""
    shown = [column for column in columns if column.keep]
    for column in columns:
        if column.keep:
            continue
        if _width([*shown, column]) > width:
            break
        shown.append(column)
    shown = [column for column in columns if any(column is one for one in shown)]
    return shown, [column for column in columns if not any(column is one for one in shown)]


def _width(columns: list[TextColumn]) -> int:
    return sum(column.width + PADDING for column in columns) + 1


def _wrapped(column: TextColumn) -> str:
    """The heading in lines of at most the column's width."""
    lines = [""]
    for word in column.heading.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if cell_len(longer) <= column.width:
            lines[-1] = longer
        else:
            lines.append(word)
    return escape("\n".join(lines))
