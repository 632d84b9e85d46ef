"""`python -m leaderboard build`: every output of one challenge, from the records of one folder."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from data.errors import InputError
from eval import challenge as challenges
from eval.challenge import Challenge
from eval.records.schema import Record
from eval.records.store import read_all, write_atomic
from leaderboard import tables
from leaderboard.ranking import by_conditions, rank


def load_records(save_dir: Path, challenge: Challenge) -> list[Record]:
    """The records of `save_dir` that `challenge` can rank. Raises InputError where there are none.

    Records of another challenge count where it measured the same way (scale and border); its data set and
    machine keep them apart in the table anyway.
    """
    if not save_dir.is_dir():
        raise InputError(f"{save_dir}: no such folder; expected the --save_dir of an evaluation or an import")
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
    """Without the cyclic garbage collector: records hold no cycles, and its walks over the hundreds of thousands of
    new objects take half of the reading time (1,000 records x 400 images: 2.4 to 3.1 s, without 1.0 to 1.6 s)."""
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


def write_tables(records: list[Record], challenge: Challenge, out: Path) -> pd.DataFrame:
    """Write leaderboard.csv, .md, .tex and .json into `out`; returns the ranking. Raises InputError if it
    cannot.
    """
    frame = rank(records, challenge)
    try:
        out.mkdir(parents=True, exist_ok=True)
        tables.write_csv(frame, out / "leaderboard.csv")
        write_atomic(out / "leaderboard.json", tables.to_json(frame))
        write_atomic(out / "leaderboard.md", tables.to_markdown(frame))
        write_atomic(out / "leaderboard.tex", tables.to_latex(frame, challenge.title + "."))
    except OSError as error:
        raise InputError(f"{out}: the tables cannot be written ({error.strerror or error})") from None
    return frame


def summary(frame: pd.DataFrame) -> str:
    """The table for a terminal: notes, then places and scores, those of each machine below its name."""
    lines = list(frame.attrs.get("notes", []))
    groups = by_conditions(frame)
    for label, group in groups.items():
        lines += [label, *_places(group)] if len(groups) > 1 else _places(group)
    return "\n".join(lines)


def _places(group: pd.DataFrame) -> list[str]:
    lines = []
    for _, row in group.iterrows():
        place = "–" if row["rank"] is pd.NA else str(row["rank"])
        score = row["score_final"]
        figure = "" if score is None or math.isnan(score) else f"  score {tables.format_number(score, 4)}"
        if row["ranked_by"] == "psnr" and not math.isnan(row["val_psnr"]):
            figure = f"  PSNR {row['val_psnr']:.4f} dB"
        reason = f"  ({row['reason']})" if row["reason"] else ""
        lines.append(f"{place:>4}  {row['model']}{figure}{reason}")
    return lines
