"""Verdicts as tables: for a terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, fields

from rich.table import Table

from data.text import markdown_text, spreadsheet_text, without_controls
from eval.claims.compare import FIGURES, Judgement, heading_of

HEADINGS = ("Model", "Claim", "Claimed", "Measured", "Verdict", "Reason")
NOTHING = "–"


def claim_rows(judgements: Sequence[Judgement]) -> list[tuple[str, ...]]:
    """Rows for people, as `HEADINGS` says: each claim that was made, and one row for a model that claims nothing."""
    rows = []
    for model in dict.fromkeys(one.model for one in judgements):
        own = [one for one in judgements if one.model == model]
        made = [one for one in own if one.verdict != "not claimed"]
        rows += [_row(one) for one in made] or [_unclaimed(model, own)]
    return rows


def claims_table(judgements: Sequence[Judgement], title: str = "Claims") -> Table:
    """`claim_rows` for a terminal."""
    table = Table(title=title)
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for row in claim_rows(judgements):
        table.add_row(*map(without_controls, row))
    return table


def claims_markdown(judgements: Sequence[Judgement]) -> str:
    """`claim_rows` as a Markdown table, with the counts of verdicts below."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(map(markdown_text, row) for row in claim_rows(judgements))]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, "", f"{verdict_counts(judgements)}.", ""])


def claims_csv(judgements: Sequence[Judgement]) -> str:
    """All verdicts, those on what was not claimed too, with all digits. What is unknown is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in fields(Judgement))
    for one in judgements:
        writer.writerow(map(_csv_cell, astuple(one)))
    return out.getvalue()


def verdict_counts(judgements: Sequence[Judgement]) -> str:
    """Such as `3 confirmed, 1 contradicted, 9 not claimed`."""
    counts = Counter[str](one.verdict for one in judgements)
    order = ("confirmed", "contradicted", "not comparable", "not claimed")
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])


def _row(one: Judgement) -> tuple[str, ...]:
    measured = NOTHING if one.measured is None else f"{one.measured:.6g}"
    return one.model, heading_of(one.claim), shown_claim(one.claimed), measured, one.verdict, one.reason


def _unclaimed(model: str, own: Sequence[Judgement]) -> tuple[str, ...]:
    """One row with everything that was measured of a model that claims nothing."""
    measured = [
        f"{FIGURES[one.claim].title} {FIGURES[one.claim].amount(one.measured)}"
        for one in own
        if one.measured is not None
    ]
    reason = next((one.reason for one in own if one.reason), "")
    return model, "nothing", NOTHING, ", ".join(measured) or NOTHING, "not claimed", reason


def shown_claim(claimed: object) -> str:
    """A claim as tables print it.

    >>> shown_claim(["DIV2K", "LSDIR"]), shown_claim(0.6574), shown_claim(False)
    ('DIV2K, LSDIR', '0.6574', 'no')
    """
    if isinstance(claimed, bool):
        return "yes" if claimed else "no"
    if isinstance(claimed, float):
        return f"{claimed:.10g}"
    return ", ".join(map(str, claimed)) if isinstance(claimed, list | tuple) else str(claimed)


def _csv_cell(value: object) -> object:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return spreadsheet_text(value) if isinstance(value, str) else value
