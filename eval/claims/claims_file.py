"""Claims in a file of their own, for submissions without a manifest: those of a repository.

The file is TOML, with a table for each submission under its id or its results key:

    [25]
    params_m = 0.6574
    device = "RTX 3090"

The fields are those of `[claims]` in a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.text import printable
from eval import tomlfile
from eval.records.schema import Record
from eval.submissions.manifest import Claims

ClaimTables = dict[str, dict[str, Any]]


def read_claims(path: Path) -> ClaimTables:
    """The claims in the file at `path`, by id or results key. Raises InputError that names the wrong field."""
    found = {}
    for name, table in tomlfile.read_toml(path).items():
        where = f"{path}: [{printable(name)}]"
        if not isinstance(table, dict):
            raise InputError(
                f"{where}: expected a table for each id, such as [25] and params_m = 0.6574 below"
            )
        claims = tomlfile.validate(Claims, table, where)
        found[_plain(name)] = claims.model_dump(exclude_defaults=True, mode="json")
    return found


def with_claims(record: Record, tables: ClaimTables) -> Record:
    """The record with the claims that a file states for it; as it is if the file has none."""
    names = (record.submission.model_id, record.model)
    stated = next((tables[_plain(name)] for name in names if _plain(name) in tables), None)
    return record if stated is None else claiming(record, stated)


def claiming(record: Record, claims: Mapping[str, Any]) -> Record:
    """The record of the same evaluation, of a submission that claims `claims`."""
    return record.model_copy(
        update={"submission": record.submission.model_copy(update={"claims": dict(claims)})}
    )


def check_names(tables: ClaimTables, records: Iterable[Record], path: Path) -> None:
    """Raise InputError for claims of a submission that is not there."""
    known = [(one.submission.model_id, one.model) for one in records]
    there = {_plain(name) for names in known for name in names}
    for name in tables:
        if name not in there:
            ids = ", ".join(model_id or model for model_id, model in known)
            raise InputError(
                f"{path}: [{printable(name)}]: no submission of this id or name (there are: {ids})"
            )


def _plain(name: str) -> str:
    """An id without leading zeros; any other name as it is."""
    return str(int(name)) if name.isascii() and name.isdigit() else name
