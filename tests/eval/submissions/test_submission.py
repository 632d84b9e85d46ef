"""Manifests and checkpoints as data: wrong ones are named, right ones become submissions without running code."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from eval import tomlfile
from eval.submissions import checkpoints
from eval.submissions.catalogue import find_manifest, listed
from eval.submissions.manifest import Manifest, read_manifest
from eval.submissions.native import native

GOOD = """
id = 42
team = "Us"
name = "Toy"
class = "Toy"
data_range = 1.0
"""


def write(folder: Path, text: str, name: str = "team42_Toy") -> Path:
    (folder / f"{name}.py").write_text(
        "raise SystemExit('a manifest must be readable without running this')\n"
    )
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("data_range = 2.0", r"field 'data_range': value error, must be 1.0 or 255.0 \(got 2.0\)"),
        ("data_range = 'x'", "field 'data_range'"),
        ("colour = 1", "field 'colour': extra inputs are not permitted"),
        ("id = -1", "field 'id'"),
        ("tile = 4", "field 'tile'"),
        ("[claims]\npsnr = 1", "field 'claims.psnr'"),
        (
            "[checkpoint]\nfile = '../../secret'",
            "field 'checkpoint.file': value error, must be a path inside model_zoo/",
        ),
        ("[checkpoint]\nfile = '/etc/passwd'", "must be a path inside model_zoo/"),
        ("[checkpoint]\nfile = 'x.pth'\nsha256 = 'abc'", "field 'checkpoint.sha256'"),
        ("script = '../../x.py'", "field 'script'"),
        ("= 3", "not valid TOML"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, line: str, message: str) -> None:
    kept = "\n".join(
        one for one in GOOD.splitlines() if one.split("=")[0].strip() != line.split("=")[0].strip()
    )
    with pytest.raises(InputError, match=message) as caught:
        read_manifest(write(tmp_path, kept + "\n" + line))
    assert "team42_Toy.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_the_name_must_follow_the_rule(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must be called team42_Name\.toml"):
        read_manifest(write(tmp_path, GOOD, "team41_Toy"))


def test_two_manifests_with_one_id_are_both_named(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "team42_Other")
    with pytest.raises(
        InputError, match=r"team42_Toy.toml: field 'id': 42 is already taken by team42_Other.toml"
    ):
        find_manifest("42", tmp_path)


@pytest.mark.parametrize("given_id", ["25", "025", " 25"])
def test_ids_are_found_with_or_without_leading_zeros(given_id: str) -> None:
    assert find_manifest(given_id).name == "team25_EERN.toml"


def test_every_shipped_manifest_is_valid_and_has_its_script() -> None:
    paths = [path for _, path in listed()]
    assert len(paths) >= 7
    for path in paths:
        manifest = read_manifest(path)
        assert (path.parent / (manifest.script or f"{path.stem}.py")).is_file()


def test_a_missing_checkpoint_is_a_problem_of_its_own_not_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "[checkpoint]\nfile = 'team42_none.pth'\nurl = 'https://x/y'\n")
    one = native(path, "authors")
    assert "team42_none.pth: no such file; `python -m model_zoo fetch 42` downloads it" in one.problem


def test_a_checkpoint_with_another_sha256_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MODEL_ZOO", tmp_path)
    (tmp_path / "team42_Toy.pth").write_bytes(b"other")
    path = write(tmp_path, GOOD + f"[checkpoint]\nfile = 'team42_Toy.pth'\nsha256 = '{'0' * 64}'\n")
    assert (
        "sha256 is d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa" in native(path).problem
    )


def test_the_authors_checkpoint_is_preferred_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "MODEL_ZOO", tmp_path)
    path = write(tmp_path, GOOD + "[checkpoint]\nfile = 'a.pth'\n[reproduced]\nfile = 'r.pth'\n")
    (tmp_path / "r.pth").write_bytes(b"r")
    first = native(path).info.checkpoint
    (tmp_path / "a.pth").write_bytes(b"a")
    second = native(path).info.checkpoint
    assert first and second and (first.source, second.source) == ("reproduced", "authors")


@given(st.text(max_size=200))
def test_no_text_makes_reading_a_manifest_crash(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "team42_Fuzz.toml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        read_manifest(path)
    except InputError as error:
        assert "team42_Fuzz.toml" in str(error)


VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=2))


@given(st.dictionaries(st.sampled_from([*Manifest.model_fields, "class"]), VALUES))
def test_no_field_values_make_validation_crash(content: dict[str, object]) -> None:
    with pytest.raises(InputError, match="field '"):
        tomlfile.validate(Manifest, content, "manifest")
