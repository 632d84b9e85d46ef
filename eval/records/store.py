"""The append-only folder that holds all records of a batch.

Layout: `records/000001_25_EERN.json`, one file per evaluation, and `000002.round.json`, one file per round of an
interleaved campaign, in one chain. Files are written whole (temporary file, fsync, rename) and never changed. Each
record names the sha256 of the one before it, and `HEAD` that of the newest, so that `verify_chain` finds a changed or
removed record. Everything else in a folder of results is derived from its records.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from data.errors import InputError
from data.text import file_name
from eval.records.rounds import RoundRecord
from eval.records.schema import GENESIS, Record, record_json
from eval.tomlfile import field_problems

RECORDS = "records"
ROUND = ".round.json"
R = TypeVar("R", bound=BaseModel)
HEAD = "HEAD"  # beside the records: the sha256 of the newest one, which no other record names


def append(save_dir: Path, record: Record | RoundRecord) -> Path:
    """Write `record` as the next one of `save_dir/records`; sets its sequence and hash of the previous one.

    The file appears whole or not at all, and never replaces another. Raises InputError if the folder cannot be
    written, such as on a full disk; no part of a file stays then.
    """
    folder = save_dir / RECORDS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            last = _last(folder)
            record.sequence = 1 + (_sequence(last) if last else 0)
            record.previous_sha256 = _previous(folder)
            # A harness that was killed may not have noted its last record.
            if _noted(folder) not in (None, record.previous_sha256):
                write_atomic(folder / HEAD, f"{record.previous_sha256}\n")
            target = folder / f"{record.sequence:06d}{_suffix(record)}"
            write_atomic(target, record_json(record))
            write_atomic(folder / HEAD, f"{_sha256(target)}\n")
            return target
    except OSError as error:
        raise InputError(f"{folder}: the record cannot be written ({error.strerror or error})") from None


def write_atomic(target: Path, text: str) -> None:
    """Write `text` to `target` so that a reader, or a crash, finds the old file or the new one, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> Record:
    """The record at `path`. Raises InputError naming the file and the wrong fields."""
    return _read(path, Record)


def _read(path: Path, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: not a record: {field_problems(error)}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def read_all(save_dir: Path) -> list[Record]:
    """Every record of `save_dir`, oldest first. Raises InputError for the first damaged one."""
    return [read(path) for path in _paths(save_dir / RECORDS) if not _is_round(path)]


def read_rounds(save_dir: Path) -> list[RoundRecord]:
    """Every round of `save_dir`, oldest first. Raises InputError for the first damaged one."""
    paths = [path for path in _paths(save_dir / RECORDS) if _is_round(path)]
    return [_read(path, RoundRecord) for path in paths]


def latest(records: list[Record]) -> dict[str, Record]:
    """The newest record of each model, in the order in which models first appeared."""
    return {record.model: record for record in records}


def verify_chain(save_dir: Path) -> list[str]:
    """Problems of the chain of records in `save_dir`: changed, missing or damaged files. Empty when sound.

    Anyone who can edit the records can also rebuild the chain. Compare it with a previously published head (`holds`).
    """
    problems, previous, expected = [], GENESIS, 1
    for path in _paths(save_dir / RECORDS):
        try:
            record = _read(path, RoundRecord) if _is_round(path) else read(path)
        except InputError as error:
            problems.append(str(error))
            previous, expected = _sha256_if_readable(path), _sequence(path) + 1
            continue
        if _sequence(path) != record.sequence:
            problems.append(f"{path}: holds sequence {record.sequence}, its name says {_sequence(path)}")
        if _sequence(path) != expected:
            problems.append(f"{path}: record {expected:06d} is missing before it")
        elif record.previous_sha256 != previous:
            problems.append(
                f"{path}: the record before it was changed (its sha256 is not the one noted here)"
            )
        previous, expected = _sha256(path), _sequence(path) + 1
    return problems + _headless(save_dir / RECORDS)


def _previous(folder: Path) -> str:
    """The sha256 that the next record names: that of the newest record.

    If the newest record was changed or removed, it is what `HEAD` names, so that no later record covers that up.
    """
    noted = _noted(folder)
    if noted is not None and _headless(folder):
        return noted
    last = _last(folder)
    return _sha256(last) if last else GENESIS


def _noted(folder: Path) -> str | None:
    """The content of `HEAD`; None if there is no such file."""
    try:
        return (folder / HEAD).read_text(encoding="utf-8", errors="replace").strip()[:64]
    except FileNotFoundError:
        return None


def _headless(folder: Path) -> list[str]:
    """A problem if `HEAD` names neither the newest record nor the one before it.

    The one before is sound too: a harness that was killed had no time to name its last record.
    """
    newest = [GENESIS, *map(_sha256_if_readable, _paths(folder))][-2:]
    try:
        noted = _noted(folder)
    except OSError as error:
        return [f"{folder / HEAD}: cannot be read ({error})"]
    if noted is None:
        return [] if GENESIS in newest else [f"{folder / HEAD}: is missing"]
    if noted in newest:
        return []
    return [
        f"{folder / HEAD}: the newest record has another sha256 than it names: it was changed, or one was removed"
    ]


def holds(save_dir: Path, sha256: str) -> bool:
    """Whether a record, or the folder before any, has the sha256 that `head` gave earlier."""
    return sha256 == GENESIS or sha256 in map(_sha256_if_readable, _paths(save_dir / RECORDS))


def head(save_dir: Path) -> str:
    """sha256 of the newest record. Once it is published, no earlier record can be changed or removed unseen."""
    last = _last(save_dir / RECORDS)
    return _sha256(last) if last else GENESIS


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if re.match(r"\d{6}[_.]", path.name))


def _last(folder: Path) -> Path | None:
    paths = _paths(folder)
    return paths[-1] if paths else None


def _sequence(path: Path) -> int:
    return int(path.name[:6])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sha256_if_readable(path: Path) -> str:
    """Empty for a folder or a file that cannot be read; no record follows such a one."""
    try:
        return _sha256(path)
    except OSError:
        return ""


def _is_round(path: Path) -> bool:
    return path.name[6:] == ROUND


def _suffix(record: Record | RoundRecord) -> str:
    """What follows the number in a record's file name. No model's name can make the file look like a round."""
    return ROUND if isinstance(record, RoundRecord) else f"_{file_name(record.model)}.json"
