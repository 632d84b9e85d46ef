"""`python -m eval.verify --against RECORD`: what differs between two records, and whether the pixels are the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from data.errors import InputError
from data.text import without_controls
from eval.cli.printing import table_console
from eval.cli.verification.measured import measure_some
from eval.records import store
from eval.records.schema import Record
from eval.reproduction.environment import Moved
from eval.reproduction.moved import record_differences, repeats_images

MAX_RECORD_BYTES = 1 << 28


def against(paths: Sequence[Path], arguments: Sequence[str], *, as_json: bool) -> int:
    """Compare two records, or one with what is measured here; prints it. 1 if pixels or quality differ, else 0."""
    if len(paths) > 2:
        raise InputError(
            f"--against: {len(paths)} records; expected one, or two to be compared with each other"
        )
    before = _read(paths[0])
    after = _read(paths[1]) if len(paths) == 2 else _measured(before, arguments)
    found = record_differences(before, after)
    if as_json:
        print(json.dumps([{"model": after.model, **asdict(one)} for one in found], indent=1))
    else:
        show_moved(after.model, found)
    return 0 if repeats_images(found) else 1


def _read(path: Path) -> Record:
    if path.is_file() and path.stat().st_size > MAX_RECORD_BYTES:
        raise InputError(f"--against {path}: larger than {MAX_RECORD_BYTES >> 20} MiB; expected a record")
    return store.read(path)


def _measured(before: Record, arguments: Sequence[str]) -> Record:
    """The record made here of the submission that `before` is of."""
    records = [record for _, record in measure_some(arguments).pairs]
    same = [record for record in records if record.model == before.model]
    if not same:
        names = ", ".join(record.model for record in records)
        raise InputError(f"--against: the record is of {before.model}, the options choose {names}")
    return same[-1]


def show_moved(model: str, found: Sequence[Moved]) -> None:
    """Print what differs as a table."""
    console = table_console()
    table = Table(title=without_controls(f"{model}: two records"))
    for title in ("Part", "What", "Before", "Now", "Verdict"):
        table.add_column(title, overflow="fold")
    for one in found:
        table.add_row(*(without_controls(cell) for cell in asdict(one).values()))
    console.print(table, markup=False)
