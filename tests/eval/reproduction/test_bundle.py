"""Bundles are written and read whole; a hostile archive ends in one line."""

from __future__ import annotations

import json
import platform
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import InputError
from eval.records.schema import Record, SubmissionInfo
from eval.reproduction import bundle as bundles
from eval.reproduction.bundle import (
    Bundle,
    BundledModel,
    BundledOptions,
    hashed_files,
    read_bundle,
    write_bundle,
)
from eval.reproduction.public_record import public_record, public_text

CONTENTS = {
    "records/42_Net.json": b"{}", "challenge/esr2024.toml": b"", "requirements.lock": b"numpy==1",
    "models/team42_Net.toml": b"id = 42",
}  # fmt: skip


def bundle_of(contents: dict[str, bytes]) -> Bundle:
    one = BundledModel(
        model="42_Net", model_id="42", manifest="models/team42_Net.toml", record="records/42_Net.json",
        record_sha256="0" * 64,
    )  # fmt: skip
    return Bundle(
        challenge="challenge/esr2024.toml", command="x", harness_sha256="0" * 64, environment="requirements.lock",
        options=BundledOptions(protocol="robust", repeats=3, ssim=True),
        images=(), models=(one,), files=hashed_files(contents),
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "b.zip", bundle_of(CONTENTS), CONTENTS)
    return tmp_path / "b.zip"


def packed(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_bundle_is_read_as_it_was_written(path: Path) -> None:
    bundle, contents = read_bundle(path)
    assert contents == CONTENTS and bundle.models[0].model == "42_Net"
    assert bundle.options.words() == ["--protocol", "robust", "--repeats", "3", "--ssim"]
    assert list(path.parent.iterdir()) == [path]


def _edited(**fields: object) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def edit(found: dict[str, bytes]) -> dict[str, bytes]:
        return {**found, "bundle.json": json.dumps({**json.loads(found["bundle.json"]), **fields}).encode()}

    return edit


HOSTILE: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "a changed file": (lambda found: {**found, "models/team42_Net.toml": b"id = 43"}, "was changed"),
    "a surplus file": (lambda found: {**found, "models/more.py": b""}, "not listed"),
    "a missing file": (lambda found: {n: c for n, c in found.items() if n[0] != "m"}, "not there"),
    "a way out": (lambda found: {**found, "../../evil": b""}, "not listed"),
    "no bundle.json": (lambda _found: {"a": b""}, "holds no bundle.json"),
    "no JSON": (lambda found: {**found, "bundle.json": b"{"}, "not JSON"),
    "deep JSON": (lambda found: {**found, "bundle.json": b"[" * 100_000}, "not JSON"),
    "an unknown field": (_edited(evil=1), "field 'evil'"),
    "a right that it grants itself": (
        _edited(options={"protocol": "robust", "repeats": 3, "allow_pickle": True}),
        "field 'options.allow_pickle'",
    ),
    "an option as an id": (
        _edited(models=[{"model": "x", "model_id": "--sandbox", "record": "r", "record_sha256": "0" * 64}]),
        "field 'models.0.model_id'",
    ),
    "a path that is listed": (
        _edited(files=[{"file": "../evil", "sha256": "0" * 64}]),
        "field 'files.0.file'",
    ),
    "a bomb": (
        lambda found: {**found, "bomb": b"\0" * (bundles.MAX_MEMBER_BYTES + 1)},
        "larger than a bundle",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_ends_in_one_line(name: str, path: Path) -> None:
    edit, words = HOSTILE[name]
    packed(path, edit(members(path)))
    with pytest.raises(InputError, match=words) as caught:
        read_bundle(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_a_record_planted_outside_its_folder_is_refused(path: Path) -> None:
    contents = {**CONTENTS, "out/records/000001_42_Net.json": b"{}"}
    write_bundle(path, bundle_of(contents), contents)
    with pytest.raises(InputError, match="lies in none of the folders"):
        read_bundle(path)


def test_other_archives_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = path.read_bytes()
    for damaged in (b"", b"PK", content[:-30], content + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="ZIP file"):
            read_bundle(path)
    packed(path, CONTENTS, zipfile.ZIP_LZMA)
    with pytest.raises(InputError, match="packed in another way"):
        read_bundle(path)
    monkeypatch.setattr(bundles, "MAX_MEMBERS", 3)
    path.write_bytes(content)
    with pytest.raises(InputError, match="5 files listed"):
        read_bundle(path)


def test_a_public_record_names_no_path_and_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "secretbox")
    record = Record(
        challenge="esr2024",
        dataset="pairs /srv/my data/HR /srv/my data/LR",
        submission=SubmissionInfo(
            model="42_Net", script={"file": "/srv/my data/team42.py", "sha256": "0" * 64}
        ),
        status="failed",
        error="cannot open /home/someone/x.pth on secretbox",
        output=["/home/someone"],
        machine={"cpu": "one", "secret": "/x", "gpu": {"name": "RTX", "process_ids": [7]}},
        session="s",
    )
    text = public_record(record, [Path("/srv/my data")]).model_dump_json()
    assert not [word for word in ("/srv", "/home", "someone", "secretbox", "process_ids") if word in text]
    assert "team42.py" in text and "RTX" in text
    assert public_text("at /a/b/c.png", []) == "at c.png"
