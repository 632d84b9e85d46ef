"""`python -m leaderboard build`: every output of one challenge, from the records of one folder."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from data.errors import InputError
from data.text import did_you_mean
from eval import challenge as challenges
from eval.challenge import Challenge
from eval.records.rounds import RoundRecord
from eval.records.schema import Record
from eval.records.store import read_all, write_atomic
from leaderboard import tables
from leaderboard.ranking import by_conditions, rank
from leaderboard.tables.columns import REFERENCE, ranked_by, ranking_column
from leaderboard.tables.marks import short_reason
from leaderboard.tables.numbers import known


def check_folder(save_dir: Path) -> None:
    """Raises InputError that names a near folder if `save_dir` is none."""
    if save_dir.is_dir():
        return
    beside = save_dir.parent
    folders = [path.name for path in beside.iterdir() if path.is_dir()] if beside.is_dir() else []
    hint = did_you_mean(save_dir.name, folders)
    raise InputError(
        f"{save_dir}: no such folder; expected the --save_dir of an evaluation or an import{hint}"
    )


def load_records(save_dir: Path, challenge: Challenge) -> list[Record]:
    """The records of `save_dir` that `challenge` can rank. Raises InputError if there are none.

    Records of another challenge count if it measured the same way (scale and border). Their data set and machine
    keep them apart in the table anyway.
    """
    check_folder(save_dir)
    with _no_collector():
        records = read_all(save_dir)
    if not records:
        raise InputError(
            f"{save_dir}: holds no records; run test_demo.py or 'python -m leaderboard import' first"
        )
    found = comparable(records, challenge)
    if not found:
        names = ", ".join(sorted({record.challenge for record in records}))
        raise InputError(
            f"{save_dir}: no record was measured as '{challenge.name}' asks (records are of: {names})"
        )
    return found


def comparable(records: list[Record], challenge: Challenge) -> list[Record]:
    """Those of `records` that were measured as `challenge` asks, whichever challenge they were made for."""
    return [record for record in records if _comparable(record, challenge)]


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without the cyclic garbage collector, since records hold no cycles.

    Its walks over the new objects take half of the reading time: 1,000 records of 400 images take 2.4 to 3.1 s with
    it, 1.0 to 1.6 s without.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _comparable(record: Record, challenge: Challenge) -> bool:
    if record.challenge in ("", challenge.name):
        return True
    if record.challenge not in challenges.available():
        return False
    other = challenges.load(record.challenge)
    return (other.scale, other.border) == (challenge.scale, challenge.border)


def write_tables(
    records: list[Record], challenge: Challenge, out: Path, rounds: Sequence[RoundRecord] = ()
) -> pd.DataFrame:
    """Write leaderboard.csv, .md, .tex and .json into `out`; returns the ranking. Raises InputError if it cannot."""
    frame = rank(records, challenge, rounds)
    try:
        out.mkdir(parents=True, exist_ok=True)
        tables.write_csv(frame, out / "leaderboard.csv")
        write_atomic(out / "leaderboard.json", tables.table_json(frame))
        write_atomic(out / "leaderboard.md", tables.to_markdown(frame))
        write_atomic(out / "leaderboard.tex", tables.to_latex(frame, challenge.title + "."))
    except OSError as error:
        raise InputError(f"{out}: the tables cannot be written ({error.strerror or error})") from None
    return frame


def order_text(frame: pd.DataFrame) -> str:
    """The order for a terminal: notes, then places and the figure that ranks, those of each machine below its name."""
    lines = list(frame.attrs.get("notes", []))
    groups = by_conditions(frame)
    for label, group in groups.items():
        lines += [label] if len(groups) > 1 else []
        lines += [*filter(None, [ranked_by(group)]), *_places(group)]
    return "\n".join(lines)


def _places(group: pd.DataFrame) -> list[str]:
    ranks, lines = ranking_column(group), []
    for _, row in group.iterrows():
        place = "–" if row["rank"] is pd.NA else str(row["rank"])
        value = row[ranks.name]
        figure = f"  {ranks.amount(value)}" if known(value) else ""
        figure += f"  ranks {row['ranks']}" if row["ranks"] else ""
        reason = f"  ({short_reason(row['reason'])})" if row["reason"] else ""
        lines.append(f"{place:>4}  {row['model']}{figure}{reason}")
    reference = (group.attrs.get("reference") or {}).get(ranks.name)
    if reference is not None:
        lines.append(f"   –  {REFERENCE}  {ranks.amount(reference)}")
    return lines
