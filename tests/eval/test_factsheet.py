"""`python -m eval.factsheet` as a person runs it, and a factsheet written from a record read back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eval.factsheet import main
from eval.records import store
from eval.tomlfile import read_toml
from tests.conftest import ROOT
from tests.eval.claims.test_compare import record

TEXT = """Team name: Lasagna
Number of parameters: 0.6574 M
FLOPs: 41.2126 G
Number of parameters of the deployed model: 0.21 M
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eval.factsheet", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_proposal_can_be_pasted_into_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "sheet.txt").write_text(TEXT)
    done = run(str(tmp_path / "sheet.txt"))
    assert done.returncode == 0 and done.stderr == ""
    (tmp_path / "manifest.toml").write_text(done.stdout)
    assert read_toml(tmp_path / "manifest.toml")["claims"] == {"params_m": 0.6574, "flops_g": 41.2126}
    assert "# CONFLICT: params_m" in done.stdout and "0.21" in done.stdout


def test_json_has_value_sentence_place_and_confidence(tmp_path: Path) -> None:
    (tmp_path / "sheet.txt").write_text(TEXT)
    found = json.loads(run(str(tmp_path / "sheet.txt"), "--json").stdout)
    assert found["claims"]["flops_g"] == {
        "value": 41.2126, "sentence": "FLOPs: 41.2126 G", "place": "sheet.txt line 3", "confidence": 0.9,
    }  # fmt: skip
    assert found["team"] == {"team": "Lasagna"}
    assert [one["field"] for one in found["conflicts"]] == ["params_m"]


def test_what_is_written_is_read_back_as_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.append(tmp_path / "results", record({}))
    arguments = [
        "--write",
        "25_EERN",
        "--save_dir",
        str(tmp_path / "results"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*arguments, "--extra_data", "no", "--description", "PyTorch"]) == 0
    assert "25\\_EERN" in (tmp_path / "out" / "complexity.tex").read_text()
    capsys.readouterr()
    assert main([str(tmp_path / "out" / "readme.txt"), "--json"]) == 0
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert (claims["runtime_ms"]["value"], claims["extra_data"]["value"]) == (17.5, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give a factsheet to read"),
        (["missing.pdf"], "missing.pdf: cannot be read"),
        (["--write", "25_EERN", "--save_dir", "nowhere"], "no record in nowhere"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_help_shows_every_default() -> None:
    done = run("--help")
    assert done.returncode == 0 and "default: results" in done.stdout
