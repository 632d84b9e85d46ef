"""Tables in the formats that people publish: CSV, Markdown, LaTeX and JSON. Formatting only; no rule is
decided here.
"""

from __future__ import annotations

import math
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd

from data.text import without_controls
from eval.records.schema import dump_json, json_number
from eval.records.store import write_atomic
from leaderboard.ranking import by_conditions

# Columns of the printed tables, their titles, decimals, and whether a lower figure is better (None: neither).
PRINTED: dict[str, tuple[str, int, bool | None]] = {
    "rank": ("Rank", 0, None),
    "model": ("Model", 0, None),
    "val_psnr": ("Val PSNR [dB]", 2, False),
    "test_psnr": ("Test PSNR [dB]", 2, False),
    "runtime_ms": ("Runtime [ms]", 2, True),
    "flops_g": ("FLOPs [G]", 2, True),
    "params_m": ("Params [M]", 3, True),
    "score_runtime": ("Runtime score", 3, True),
    "score_flops": ("FLOPs score", 3, True),
    "score_params": ("Params score", 3, True),
    "score_final": ("Score", 3, True),
    "ties with": ("Ties with", 0, None),
}
LARGE = 1e5
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # starts of a cell that spreadsheets calculate


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """All columns with all digits; missing figures are empty, infinite ones `inf`. UTF-8, one header line.

    Text that a spreadsheet would take for a formula gets an apostrophe in front: submissions choose some of it.
    """
    safe = frame.map(lambda cell: _csv_text(cell) if isinstance(cell, str) else cell)
    write_atomic(path, safe.to_csv(index=False, lineterminator="\n"))


def _csv_text(text: str) -> str:
    return without_controls(f"'{text}" if text.startswith(FORMULA) else text)


def format_number(value: Any, decimals: int) -> str:
    """`value` as tables print it: fixed decimals, scientific beyond 100,000, `∞`, and a dash for a missing
    one.
    """
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= LARGE:
        return f"{value:.2e}".replace("e+", "e")
    return f"{value:.{decimals}f}"


def to_json(frame: pd.DataFrame) -> str:
    """Strict JSON: `{"challenge", "notes", "rows"}`; missing figures are null, infinite ones the string
    "Infinity".
    """
    rows = [{str(column): _plain(value) for column, value in row.items()} for row in frame.to_dict("records")]
    return dump_json(
        {"challenge": frame.attrs.get("challenge", ""), "notes": frame.attrs.get("notes", []), "rows": rows}
    )


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float):
        return json_number(value)
    return value if isinstance(value, str | bool | int) else value.item()


def to_markdown(frame: pd.DataFrame) -> str:
    """A table of the ranked entries of each machine and data set, best figures bold; below it the excluded and
    failed ones with their reasons.
    """
    groups = by_conditions(frame)
    if len(groups) < 2:
        return _markdown_table(frame)
    parts = [f"## {_markdown_text(label)}\n\n{_markdown_table(group)}" for label, group in groups.items()]
    return "\n".join(parts)


def _markdown_table(frame: pd.DataFrame) -> str:
    columns = printed_columns(frame)
    lines = [f"**{_markdown_text(note)}**\n" for note in frame.attrs.get("notes", [])]
    lines.append("| " + " | ".join(PRINTED[column][0] for column in columns) + " |")
    lines.append(
        "|" + "|".join(":--" if column in ("model", "ties with") else "--:" for column in columns) + "|"
    )
    ranked = frame[frame["eligible"]]
    marks = best_marks(ranked, columns)
    for position, row in enumerate(_printed(ranked, columns)):
        texts = zip(columns, map(_markdown_text, row), strict=True)
        cells = [f"**{text}**" if marks.get((position, column)) == 1 else text for column, text in texts]
        lines.append("| " + " | ".join(cells) + " |")
    excluded = frame[~frame["eligible"]]
    if len(excluded):
        lines += ["", "Not ranked:", ""]
        lines += [
            f"- {_markdown_text(row['model'])}: {_markdown_text(row['reason'])}"
            for row in excluded[["model", "reason"]].to_dict("records")
        ]
    return "\n".join(lines) + "\n"


def _markdown_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\")
    for mark in "|<>*_`[]":
        escaped = escaped.replace(mark, "\\" + mark)
    return " ".join(escaped.split())


def to_latex(frame: pd.DataFrame, caption: str = "") -> str:
    """A booktabs table for each machine and data set as papers print it: best figure bold, second underlined,
    excluded entries below a rule.

    Needs `\\usepackage{booktabs}` only, and fits across both columns of a conference paper (496 pt). The caption holds
    the notes and what was excluded why.
    """
    groups = by_conditions(frame)
    if len(groups) < 2:
        return _latex_table(frame, caption)
    return "\n".join(_latex_table(group, f"{caption} {label}.") for label, group in groups.items())


def _latex_table(frame: pd.DataFrame, caption: str) -> str:
    columns = [column for column in printed_columns(frame) if column != "ties with"]
    ranked, excluded = frame[frame["eligible"]], frame[~frame["eligible"]]
    marks = best_marks(ranked, columns)
    spec = "".join("l" if column == "model" else "r" for column in columns)
    lines = [
        r"\begin{table*}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}",
        r"\toprule",
        *_latex_header(columns),
        r"\midrule",
    ]
    wrap = {1: r"\textbf{%s}", 2: r"\underline{%s}"}
    for position, row in enumerate(_printed(ranked, columns)):
        texts = zip(columns, map(_latex_text, row), strict=True)
        cells = [wrap.get(marks.get((position, column), 0), "%s") % text for column, text in texts]
        lines.append(" & ".join(cells) + r" \\")
    if len(excluded):
        lines.append(r"\midrule")
        lines += [" & ".join(map(_latex_text, row)) + r" \\" for row in _printed(excluded, columns)]
    notes = [caption, *frame.attrs.get("notes", [])]
    notes += [f"Not ranked: {row['model']} ({row['reason']})." for row in excluded.to_dict("records")]
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        r"\caption{" + _latex_text(" ".join(note for note in notes if note)) + "}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _latex_header(columns: list[str]) -> list[str]:
    """Two lines: titles above their units, and the tracks' scores below a common title."""
    scores = [column for column in columns if column.startswith("score_")]
    first, second = [], []
    for column in columns:
        title, _, unit = PRINTED[column][0].partition(" [")
        if column not in scores or len(scores) == 1:
            first.append(_latex_text(title))
            second.append("[" + _latex_text(unit) if unit else "")
            continue
        if column == scores[0]:
            first.append(rf"\multicolumn{{{len(scores)}}}{{c}}{{Score}}")
        second.append(_latex_text(title.removesuffix(" score").replace("Score", "Final")))
    lines = [" & ".join(first) + r" \\"]
    if len(scores) > 1:
        start = columns.index(scores[0]) + 1
        lines.append(rf"\cmidrule(l){{{start}-{start + len(scores) - 1}}}")
    return [*lines, " & ".join(second) + r" \\"]


LATEX = {
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
LATEX_LACKS = "«»ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ"
LATEX_MARKS = "—‘’“”†‡•…"


def _latex_text(text: str) -> str:
    return "".join(map(_latex_letter, " ".join(text.split())))


def _latex_letter(letter: str) -> str:
    """As LaTeX sets it; without its accents, or `?`, where it cannot: no name may stop a paper from compiling."""
    if letter in LATEX:
        return LATEX[letter]
    code = ord(letter)
    if 0x20 <= code < 0x7F or letter in LATEX_MARKS or (0xA0 <= code < 0x180 and letter not in LATEX_LACKS):
        return letter
    parts = unicodedata.normalize("NFKD", letter)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return bare if bare.isascii() and bare.isalnum() else "?"


def printed_columns(frame: pd.DataFrame) -> list[str]:
    """The columns worth printing: those of PRINTED that hold anything in this table."""
    wanted = []
    for column in PRINTED:
        values = frame.get(column)
        if values is None or (column == "ties with" and not (values != "").any()):
            continue
        if column in ("rank", "model", "ties with") or values.notna().any():
            wanted.append(column)
    return wanted


def best_marks(ranked: pd.DataFrame, columns: list[str]) -> dict[tuple[int, str], int]:
    """1 for the best and 2 for the second best printed figure of each column; equal printed figures share the
    mark.
    """
    marks: dict[tuple[int, str], int] = {}
    for column in columns:
        lower_is_better = PRINTED[column][2]
        if lower_is_better is None or len(ranked) < 2:
            continue
        if column == "score_final" and not _lower_score_is_better(ranked):
            lower_is_better = False
        shown = [round(float(value), PRINTED[column][1]) for value in ranked[column]]
        known = {value for value in shown if not math.isnan(value)}
        distinct = sorted(known, reverse=not lower_is_better)[:2]
        for position, value in enumerate(shown):
            if value in distinct:
                marks[position, column] = 1 + distinct.index(value)
    return marks


def _lower_score_is_better(ranked: pd.DataFrame) -> bool:
    """True for efficiency scores and sums of ranks, False for sums of quality metrics."""
    return bool(ranked["score_runtime"].notna().any()) or any("ranksum_" in str(column) for column in ranked)


def _printed(frame: pd.DataFrame, columns: list[str]) -> list[tuple[str, ...]]:
    """Rows of formatted cells. By whole columns: reading a frame cell by cell takes a hundred times as long."""
    texts = []
    for column in columns:
        decimals = PRINTED[column][1]
        values = frame[column].tolist()
        texts.append(
            [value if isinstance(value, str) else format_number(value, decimals) for value in values]
        )
    return list(zip(*texts, strict=True))
