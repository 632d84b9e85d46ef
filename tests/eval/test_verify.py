"""`python -m eval.verify` from files on disk to the verdicts that a person reads."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import ROOT
from tests.eval import toy


def claims_of(folder: Path, claims: str) -> Path:
    """A folder of manifests with the toy network, one parameter, and `claims`."""
    models = folder / "models"
    models.mkdir()
    (models / "team42_Net.py").write_text(toy.NETWORK)
    (models / "team42_Net.toml").write_text(
        f"{toy.MANIFEST}\n[checkpoint]\nfile = 'team42.pth'\n[claims]\n{claims}\n"
    )
    torch.save({"gain": torch.ones(1)}, models / "team42.pth")
    return models


def verify(models: Path, pairs: tuple[Path, Path], *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "eval.verify", "--models", models, "--model_id", "42", "--pairs", *pairs]
    how = ["--protocol", "ntire", "--device", "cpu", "--save_dir", models.parent / "out", *more]
    return subprocess.run(
        [str(part) for part in (*command, *how)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {one["claim"]: one for one in json.loads(done.stdout)}


def test_claims_are_confirmed_contradicted_or_not_comparable(
    tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    models = claims_of(tmp_path, "params_m = 0.000001\nconvs = 3\nruntime_ms = 9.5\npsnr_valid_db = 26.9\n")
    done = verify(models, tiny_pairs, "--json")
    assert done.returncode == 1, done.stderr
    found = verdicts(done)
    assert found["params_m"]["verdict"] == "confirmed"
    assert (found["convs"]["verdict"], found["convs"]["measured"]) == ("contradicted", 0)
    assert found["runtime_ms"]["verdict"] == "not comparable" and "RTX 3090" in found["runtime_ms"]["reason"]
    assert (
        found["psnr_valid_db"]["verdict"] == "not comparable"
        and "not at hand" in found["psnr_valid_db"]["reason"]
    )
    assert found["flops_g"]["verdict"] == "not claimed"

    again = verify(models, tiny_pairs)  # a table, and nothing is measured twice
    assert "already evaluated, skipped" in again.stderr
    assert "contradicted" in again.stdout and "1 confirmed" in again.stdout
    assert len(list((tmp_path / "out" / "records").glob("*.json"))) == 1


def test_verdicts_become_csv_and_markdown(tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    models = claims_of(tmp_path, "params_m = 0.000002\nconvs = 0\n")
    tables = [tmp_path / "v.csv", tmp_path / "v.md"]
    done = verify(models, tiny_pairs, "--csv", str(tables[0]), "--markdown", str(tables[1]))
    assert done.returncode == 1, done.stderr
    with tables[0].open(newline="") as file:
        rows = {row["claim"]: row for row in csv.DictReader(file)}
    assert rows["params_m"]["verdict"] == "contradicted" and rows["params_m"]["model"] == "42_Net"
    assert float(rows["params_m"]["measured"]) == 1e-6
    assert (rows["convs"]["claimed"], rows["convs"]["verdict"]) == ("0", "confirmed")
    assert (rows["flops_g"]["claimed"], rows["flops_g"]["verdict"]) == ("", "not claimed")
    page = tables[1].read_text()
    assert "| 42\\_Net | Parameters \\[M\\] | 2e-06 | 1e-06 | contradicted |" in page
    assert page.endswith("1 confirmed, 1 contradicted, 11 not claimed.\n")


def test_claims_are_those_that_the_manifest_makes_now(tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    """A corrected claim is judged anew, without a new measurement."""
    models = claims_of(tmp_path, "params_m = 0.000002\n")
    assert verify(models, tiny_pairs).returncode == 1
    manifest = models / "team42_Net.toml"
    manifest.write_text(manifest.read_text().replace("0.000002", "0.000001"))
    again = verify(models, tiny_pairs, "--json")
    assert "already evaluated, skipped" in again.stderr
    assert again.returncode == 0 and verdicts(again)["params_m"]["verdict"] == "confirmed"


def test_a_repository_gets_a_row_for_each_id_and_claims_from_a_file(
    tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    """Claimed, silent and failed teams of one repository, in one command."""
    branches = {7: toy.honest("Claims"), 8: toy.honest("Silent"), 9: "raise RuntimeError('no weights')"}
    repo = toy.write_repo(tmp_path / "repo", branches)
    claims = tmp_path / "claims.toml"
    claims.write_text("[07]\nparams_m = 0.000009\nconvs = 2\n")
    command = [sys.executable, "-m", "eval.verify", "--repo", repo, "--all", "--pairs", *tiny_pairs]
    how = ["--protocol", "ntire", "--device", "cpu", "--save_dir", tmp_path / "out", "--claims", claims]

    def run() -> subprocess.CompletedProcess[str]:
        arguments = [str(part) for part in (*command, *how)]
        return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)

    done = run()
    assert done.returncode == 1, done.stderr
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in done.stdout.splitlines()
        if "│" in line
    ]
    first = {(row[0], row[1]): row for row in rows if row[0]}
    assert first["07_Claims", "Parameters [M]"][4] == "confirmed"
    assert first["07_Claims", "Convolutions"][4] == "contradicted"
    assert first["08_Silent", "nothing"][3].startswith("Val PSNR")
    assert "it failed" in next(row for (model, _), row in first.items() if model.startswith("09"))[5]
    claims.write_text("[77]\nparams_m = 1\n")
    assert "[77]: no submission of this id or name (there are: 7, 8, 9)" in run().stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("params_m = 1", "[params_m]: expected a table for each id"),
        (
            "[25]\nparam_m = 1",
            "[25]: field 'param_m': extra inputs are not permitted, did you mean 'params_m'?",
        ),
        ("[25", "not valid TOML"),
    ],
)
def test_a_wrong_file_of_claims_is_one_line(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "claims.toml"
    file.write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "eval.verify", "--model_id", "25", "--claims", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert f"eval.verify: error: {file}" in done.stderr and problem in done.stderr


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    models = claims_of(tmp_path, "params_m = 0.000001\n")
    done = verify(models, tiny_pairs, "--csv", str(tmp_path / "no" / "v.csv"))
    assert done.returncode == 2 and "v.csv: cannot be written (No such file or directory)" in done.stderr


def test_sound_claims_end_with_status_0(tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    done = verify(claims_of(tmp_path, "params_m = 0.000001\n"), tiny_pairs, "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("arguments", "words"), [(["--model_id", "999"], "unknown"), ([], "give one of")])
def test_wrong_use_is_status_2(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eval.verify", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""
