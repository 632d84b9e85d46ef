"""A ranking as LaTeX: a booktabs table as papers print it."""

from __future__ import annotations

import unicodedata

import pandas as pd

from leaderboard.ranking import by_conditions
from leaderboard.tables.columns import (
    TIES,
    PrintedColumn,
    printed_columns,
    protocols,
    ranked_by,
    reference_row,
)
from leaderboard.tables.marks import best_marks, cells, short_reason

NARROW = 12  # columns; a table with more is set smaller
WRAP = {1: r"\textbf{%s}", 2: r"\underline{%s}"}
ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "∞": r"$\infty$",
    "−": "$-$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
# What a bare pdflatex (encoding OT1, no package) sets: ASCII, and of the letters up to U+017F all but these.
LACKING = "«»ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ"
MARKS = "—‘’“”†‡•…"


def to_latex(frame: pd.DataFrame, caption: str = "") -> str:
    """A booktabs table for each machine and data set: best figure bold, second underlined, excluded ones below a rule.

    Needs `\\usepackage{booktabs}` only, and fits across both columns of a conference paper (496 pt). The caption holds
    the notes, the protocols of the metrics, and who was excluded why.
    """
    groups = by_conditions(frame)
    if len(groups) < 2:
        return _table(frame, caption)
    return "\n".join(_table(group, f"{caption} {label}.") for label, group in groups.items())


def _table(frame: pd.DataFrame, caption: str) -> str:
    columns = [column for column in printed_columns(frame) if column.name != TIES.name]
    ranked, excluded = frame[frame["eligible"]], frame[~frame["eligible"]]
    spec = "".join("l" if column.name == "model" else "r" for column in columns)
    size = r"\footnotesize" if len(columns) <= NARROW else r"\scriptsize"
    lines = [
        r"\begin{table*}[t]",
        rf"\centering{size}\setlength{{\tabcolsep}}{{3pt}}",
        rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}",
        r"\toprule",
        *_header(columns),
        r"\midrule",
        *_ranked(ranked, columns),
    ]
    reference = reference_row(frame, columns)
    below = [*([reference] if reference else []), *cells(excluded, columns)]
    if below:
        lines.append(r"\midrule")
        lines += [" & ".join(map(_text, row)) + r" \\" for row in below]
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        r"\caption{" + _text(_caption(frame, caption, columns)) + "}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _ranked(ranked: pd.DataFrame, columns: list[PrintedColumn]) -> list[str]:
    marks = best_marks(ranked, columns)
    lines = []
    for position, row in enumerate(cells(ranked, columns)):
        texts = zip(columns, map(_text, row), strict=True)
        wrapped = [WRAP.get(marks.get((position, column.name), 0), "%s") % text for column, text in texts]
        lines.append(" & ".join(wrapped) + r" \\")
    return lines


def _caption(frame: pd.DataFrame, caption: str, columns: list[PrintedColumn]) -> str:
    excluded = frame[~frame["eligible"]].to_dict("records")
    sentences = [
        caption,
        *frame.attrs.get("notes", []),
        ranked_by(frame),
        *protocols(frame, columns),
        *(f"Not ranked: {row['model']} ({short_reason(row['reason'])})." for row in excluded),
    ]
    return " ".join(filter(None, sentences))


def _header(columns: list[PrintedColumn]) -> list[str]:
    """Two lines: titles above their units, and the tracks' scores below a common title."""
    scores = [column for column in columns if column.name.startswith("score_")]
    first, second = [], []
    for column in columns:
        if column not in scores or len(scores) == 1:
            first.append(_text(column.title))
            second.append(_text(f"[{column.unit}]") if column.unit else "")
            continue
        if column is scores[0]:
            first.append(rf"\multicolumn{{{len(scores)}}}{{c}}{{Score}}")
        second.append(_text(column.title.removesuffix(" score").replace("Score", "Final")))
    lines = [" & ".join(first) + r" \\"]
    if len(scores) > 1:
        start = columns.index(scores[0]) + 1
        lines.append(rf"\cmidrule(l){{{start}-{start + len(scores) - 1}}}")
    return [*lines, " & ".join(second) + r" \\"]


def _text(text: str) -> str:
    return "".join(map(_letter, " ".join(text.split())))


def _letter(letter: str) -> str:
    """As LaTeX sets it; else without accents, or `?`: no name may stop a paper from compiling."""
    if letter in ESCAPES:
        return ESCAPES[letter]
    code = ord(letter)
    if 0x20 <= code < 0x7F or letter in MARKS or (0xA0 <= code < 0x180 and letter not in LACKING):
        return letter
    parts = unicodedata.normalize("NFKD", letter)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return bare if bare.isascii() and bare.isalnum() else "?"
