"""The record of one evaluation: its schema, and the append-only folder that holds all records.

Layout of a folder of results: `records/000001_25_EERN.json`, one file per evaluation, written whole
(temporary file, fsync, link) and never changed. Each record names the sha256 of the one before it, and `HEAD` that of
the newest, so that a changed or removed record is found by `verify_chain`. Everything else is derived from records.

Infinite PSNR (an SR image equal to its HR image) is kept as infinity, makes the mean infinite, and stands in
JSON as the string "Infinity", because JSON has no such number. No other number of a record may be infinite, and
none NaN.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from data.errors import InputError
from eval.files import printable
from eval.tomlfile import describe

SCHEMA_VERSION: Literal[1] = 1
RECORDS = "records"
HEAD = "HEAD"  # beside the records: the sha256 of the newest one, which no other record names
GENESIS = "0" * 64


MAX_NUMBER = 1e15  # far above any figure that is recorded, so that sums and means of them are finite too


def _score(value: float) -> float:
    if value != math.inf and not abs(value) <= MAX_NUMBER:
        raise ValueError(f"{value:g} is not a result")
    return value


# A metric's value: infinite where PSNR is. Every other number is finite.
Score = Annotated[float, AfterValidator(_score)]
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]


# What a stranger's code or file names can be part of: escapes stand for what JSON or a terminal does not take.
Text = Annotated[str, AfterValidator(printable)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class Flag(Part):
    """A doubt that does not fail a submission but is shown wherever its numbers are."""

    name: str
    reason: Text


class Artifact(Part):
    """A file the evaluation used, by content."""

    file: Text
    sha256: str


class Checkpoint(Artifact):
    """`source` is `authors`, `reproduced`, `path` (given by the user) or `repository`."""

    source: str


class SubmissionInfo(Part):
    """Who was judged. `model` is the official results key, such as `25_EERN`."""

    model: Text
    model_id: str = ""
    team: Text = ""
    origin: Text = "native"
    architecture: Text = ""
    data_range: float | None = None
    script: Artifact | None = None
    manifest: Artifact | None = None
    checkpoint: Checkpoint | None = None
    claims: dict[str, Any] = {}


class ImageResult(Part):
    """One image: metric values by key (`psnr`, `ssim`, `psnr_y`, ...) and its runtime."""

    name: str
    metrics: dict[str, Score]
    runtime_ms: Number | None = None


class RuntimeSummary(Part):
    """Runtime of one mode in milliseconds. `mean` and `median` are over images (each image's figure is its
    median over repeats under protocol `robust`); `ci95` bounds the median; `cold` is the very first call."""

    protocol: str
    mean: Number
    median: Number
    ci95: tuple[Number, Number] | None = None
    cold: Number | None = None
    repeats: int = 1
    samples_ms: list[list[Number]] = []

    @property
    def headline_ms(self) -> float:
        """The figure of the mode: the median under `robust`, else the plain mean (as the challenges publish)."""
        return self.median if self.protocol == "robust" else self.mean


class ModeResult(Part):
    """All images of `valid` or `test`. `means` holds published means where images are not known one by one.

    with_io_ms: of programs that read and write folders, the whole call divided by the number of images: model
    loading, reading, writing and networks together.
    """

    images: list[ImageResult]
    means: dict[str, Score] = {}
    runtime: RuntimeSummary | None = None
    memory_mib: Number | None = None
    with_io_ms: Number | None = None

    def mean(self, metric: str) -> float | None:
        """Mean over all images of `metric`; None where any image lacks it (a partial mean is no mean)."""
        if not self.images:
            return self.means.get(metric)
        values = [image.metrics.get(metric) for image in self.images]
        if not values or any(value is None for value in values):
            return None
        return math.fsum(value for value in values if value is not None) / len(values)

    def mean_runtime_ms(self) -> float | None:
        """Runtime per image: mean over images of each one's figure (its median over repeats under `robust`)."""
        return self.runtime.headline_ms if self.runtime else None


class Complexity(Part):
    """Static figures. FLOPs count one multiply-add as one; `established` is False when counters disagree."""

    params_m: Number | None = None
    flops_g: Number | None = None
    activations_m: Number | None = None
    num_conv: Annotated[int, Field(ge=0, le=10**18)] | None = None
    established: bool = True
    counters: dict[str, Any] = {}


class Record(Part):
    """One submission on one challenge on one machine."""

    schema_version: Literal[1] = SCHEMA_VERSION
    sequence: int = 0
    previous_sha256: str = GENESIS
    created: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    source: Literal["measured", "imported"] = "measured"
    imported_from: str | None = None
    published_runtime_ms: Number | None = (
        None  # the table's own mean, where the modes' means were rounded before
    )
    challenge: str
    dataset: str = ""
    scored_by_challenge_data: bool = False
    submission: SubmissionInfo
    status: Literal["ok", "failed"]
    error: Text | None = None
    flags: list[Flag] = []
    modes: dict[str, ModeResult] = {}
    complexity: Complexity | None = None
    protocol: str = ""
    device: str = ""
    sandbox: str = ""
    machine: dict[str, Any] = {}
    session: str = ""
    job_key: str = ""

    @property
    def model(self) -> str:
        return self.submission.model

    def mean_runtime_ms(self) -> float | None:
        """What ranks: mean over modes of each mode's `headline_ms` (valid and test alike)."""
        if self.published_runtime_ms is not None:
            return self.published_runtime_ms
        times = [mode.runtime.headline_ms for mode in self.modes.values() if mode.runtime]
        return math.fsum(times) / len(times) if times else None


def append(save_dir: Path, record: Record) -> Path:
    """Write `record` as the next one of `save_dir/records`; sets its sequence and hash of the previous one.

    The file appears whole or not at all, and never replaces another. Raises InputError where the folder cannot be
    written (read-only, full disk); nothing half-written stays.
    """
    folder = save_dir / RECORDS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            last = _last(folder)
            record.sequence = 1 + (_sequence(last) if last else 0)
            record.previous_sha256 = _previous(folder)
            # Behind where a harness was killed before it noted its last record
            if _noted(folder) not in (None, record.previous_sha256):
                write_atomic(folder / HEAD, f"{record.previous_sha256}\n")
            target = folder / f"{record.sequence:06d}_{_slug(record.model)}.json"
            write_atomic(target, to_json(record))
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


def to_json(record: Record) -> str:
    return record.model_dump_json(indent=1) + "\n"


def read(path: Path) -> Record:
    """The record at `path`. Raises InputError naming the file and the wrong fields."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: not a record: {describe(error)}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def read_all(save_dir: Path) -> list[Record]:
    """Every record of `save_dir`, oldest first. Raises InputError for the first damaged one."""
    return [read(path) for path in _paths(save_dir / RECORDS)]


def latest(records: list[Record]) -> dict[str, Record]:
    """The newest record of each model, in the order in which models first appeared."""
    return {record.model: record for record in records}


def verify_chain(save_dir: Path) -> list[str]:
    """Problems of the chain of records in `save_dir`: changed, missing or damaged files. Empty when sound.

    Who can change records can make a new chain of them: only a head that was published tells (`holds`).
    """
    problems, previous, expected = [], GENESIS, 1
    for path in _paths(save_dir / RECORDS):
        try:
            record = read(path)
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
    """What the next record names as the one before it: the newest; where that was changed or removed, what `HEAD` has
    of it, so that no later record covers that up.
    """
    noted = _noted(folder)
    if noted is not None and _headless(folder):
        return noted
    last = _last(folder)
    return _sha256(last) if last else GENESIS


def _noted(folder: Path) -> str | None:
    """What `HEAD` has; None where there is none."""
    try:
        return (folder / HEAD).read_text(encoding="utf-8", errors="replace").strip()[:64]
    except FileNotFoundError:
        return None


def _headless(folder: Path) -> list[str]:
    """A problem where the newest record is not the one that `HEAD` names, nor the one after it: a harness that was
    killed had no time to name that.
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
    """sha256 of the newest record: publish it, and no earlier record can be changed or removed unseen."""
    last = _last(save_dir / RECORDS)
    return _sha256(last) if last else GENESIS


def json_number(value: float | None) -> float | str | None:
    """`value` as plain JSON can hold it: infinities become the strings "Infinity" and "-Infinity"."""
    if value is None or math.isfinite(value):
        return value
    return "Infinity" if value > 0 else "-Infinity"


def dump_json(content: Any) -> str:
    """Strict JSON text: a NaN or infinity that was not converted raises ValueError."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if re.match(r"\d{6}_", path.name))


def _last(folder: Path) -> Path | None:
    paths = _paths(folder)
    return paths[-1] if paths else None


def _sequence(path: Path) -> int:
    return int(path.name.split("_", 1)[0])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sha256_if_readable(path: Path) -> str:
    """Empty for a folder or a closed file: no record follows that."""
    try:
        return _sha256(path)
    except OSError:
        return ""


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text)[:80]
