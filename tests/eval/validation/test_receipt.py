"""Receipts: what is written is read, and a wrong one is refused by file and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import InputError
from eval.validation.receipt import MAX_RECEIPT_BYTES, Receipt, read_receipt, write_receipt

GOOD = Receipt(
    model="42_Net",
    challenge="esr2024",
    files={"team42_Net.py": "0" * 64},
    figures={"psnr_valid_db": 26.9},
    versions={"python": "3.11.7"},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_receipt(tmp_path / "r.json", GOOD)
    assert read_receipt(tmp_path / "r.json") == GOOD


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 2}, "field 'schema_version'"),
        ({"files": {"a.py": "12"}}, "field 'files.a.py'"),
        ({"figures": {"params_m": "many"}}, "field 'figures.params_m'"),
        ({"figures": {"params_m": 1e300}}, "field 'figures.params_m'"),
        ({"figure": {}}, "did you mean 'figures'"),
        ({"model": None}, "field 'model'"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**json.loads(GOOD.model_dump_json()), **change}))
    with pytest.raises(InputError, match=words) as caught:
        read_receipt(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "invalid JSON"), (b"\xff", "not UTF-8"), (b" " * (MAX_RECEIPT_BYTES + 1), "larger than 1 MiB")],
)
def test_what_is_no_receipt_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_receipt(tmp_path / "r.json")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--receipt .*absent/r.json: cannot be written"):
        write_receipt(tmp_path / "absent" / "r.json", GOOD)


def test_a_hostile_name_is_escaped(tmp_path: Path) -> None:
    hostile = Receipt(model="a\x1b[2J", challenge="esr2024")
    write_receipt(tmp_path / "r.json", hostile)
    assert read_receipt(tmp_path / "r.json").model == "a\\x1b[2J"
