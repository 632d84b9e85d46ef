"""Whatever text a stranger hands in, the parent's readers give a value or an InputError, and nothing else."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import InputError
from eval.protocol import complexity_report
from eval.records import official, store
from eval.records.schema import Record, SubmissionInfo
from eval.submissions.manifest import Manifest, read_manifest
from eval.submissions.repository import select_model

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
OBJECTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
JSON = OBJECTS.map(lambda value: json.dumps(value).encode())
TOML_VALUES = st.sampled_from(
    [
        '"x"',
        '"../../x"',
        '"/etc/passwd"',
        "1",
        "-1",
        "1.0",
        "nan",
        "inf",
        "true",
        "[]",
        "{}",
        '"\\u0000"',
        "9" * 40,
    ]
)
FIELDS = [*sorted(Manifest.model_fields), "class"]
GOOD: dict[str, str] = {"id": "1", "team": '"T"', "name": '"N"', "class": '"C"', "data_range": "1.0"}


def _file(content: bytes, name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    path = folder / name
    path.write_bytes(content)
    return path


def _remove(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


def _read_manifest(content: bytes) -> None:
    path = _file(content, "team01_N.toml")
    try:
        manifest = read_manifest(path)
        for part in manifest.authors.values():
            assert ".." not in Path(part.file).parts and not Path(part.file).is_absolute()
        assert "/" not in manifest.script and "/" not in manifest.name
    except InputError as error:
        assert "team01_N.toml" in str(error)
    finally:
        _remove(path)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=60, deadline=None)
def test_any_bytes_as_a_manifest(content: bytes) -> None:
    _read_manifest(content)


@given(st.dictionaries(st.sampled_from(FIELDS), TOML_VALUES, max_size=4), st.text(max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_good_manifest_with_some_fields_exchanged(changed: dict[str, str], name: str) -> None:
    fields = {**GOOD, **changed}
    text = "\n".join(f"{key} = {value}" for key, value in fields.items())
    text += f"\n[checkpoint]\nfile = {json.dumps(name)}\n" if "checkpoint" not in fields else ""
    _read_manifest(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=300) | JSON)
@settings(max_examples=100, deadline=None)
def test_any_bytes_as_a_record(content: bytes) -> None:
    path = _file(content, "000001_x.json")
    try:
        assert isinstance(store.read(path), Record)
    except InputError as error:
        assert "000001_x.json" in str(error)
    finally:
        _remove(path)


@given(st.text(max_size=60), st.text(max_size=60), st.dictionaries(st.text(max_size=8), SCALARS, max_size=3))
@settings(max_examples=80, deadline=None)
def test_a_record_of_any_names_survives_the_file_and_stays_in_its_folder(
    model: str, error: str, claims: Any
) -> None:
    claims = {
        key: value for key, value in claims.items() if not isinstance(value, float) or math.isfinite(value)
    }
    record = Record(
        challenge="esr2024",
        submission=SubmissionInfo(model=model, claims=claims),
        status="failed",
        error=error,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = store.append(folder, record)
        assert path.parent == folder / store.RECORDS
        (read,) = store.read_all(folder)
        assert read == record and store.verify_chain(folder) == []


NUMBERS = st.none() | st.integers() | st.floats() | st.sampled_from([1e308, -1e308, 10**5000, "Infinity"])
IMAGES = st.fixed_dictionaries(
    {"name": st.text(max_size=3), "metrics": st.dictionaries(st.sampled_from(["psnr", "ssim"]), NUMBERS)},
    optional={"runtime_ms": NUMBERS},
)
TIMES = st.fixed_dictionaries(
    {"protocol": st.just("robust"), "mean": NUMBERS, "median": NUMBERS},
    optional={"cold": NUMBERS, "ci95": st.none() | st.lists(NUMBERS, min_size=2, max_size=2)},
)
MODES = st.fixed_dictionaries(
    {"images": st.lists(IMAGES, max_size=3)},
    optional={
        "means": st.dictionaries(st.sampled_from(["psnr"]), NUMBERS),
        "runtime": TIMES,
        "memory_mib": NUMBERS,
    },
)
FIGURES = st.dictionaries(st.sampled_from(["params_m", "flops_g", "activations_m", "num_conv"]), NUMBERS)


@given(st.dictionaries(st.sampled_from(["valid", "test"]), MODES), st.none() | FIGURES)
@settings(max_examples=300, deadline=None)
def test_what_is_in_the_log_can_be_read_and_shown(modes: Any, complexity: Any) -> None:
    info = SubmissionInfo(model="25_X")
    try:
        record = Record(challenge="x", submission=info, status="ok", modes=modes, complexity=complexity)
    except ValidationError:
        assume(False)
    with tempfile.TemporaryDirectory() as name:
        store.append(Path(name), record)
        official.write(Path(name), store.read_all(Path(name)))
        content = json.loads((Path(name) / "results.json").read_text(), parse_constant=lambda _: 1 / 0)
        assert list(content) == ["25_X"]


@given(st.binary(max_size=400) | JSON)
@settings(max_examples=150, deadline=None)
def test_any_bytes_as_a_workers_counts(content: bytes) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(complexity_report.parse(content), complexity_report.CountedComplexity)


@given(st.text(max_size=300) | st.sampled_from(["def select_model(a, b):\n", "if " * 500]))
@settings(max_examples=100, deadline=None)
def test_any_text_as_an_entry_point(text: str) -> None:
    with contextlib.suppress(ValueError, SyntaxError):
        select_model.discover(text)


@given(st.text(max_size=200), st.integers(0, 9999))
def test_any_name_begins_with_its_own_id_and_is_one_file_name(name: str, model_id: int) -> None:
    key = select_model.results_key(name, model_id)
    assert int(key.split("_")[0]) == model_id
    assert key.isprintable() and "/" not in key and not key.startswith(".")
