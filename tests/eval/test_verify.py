"""`python -m eval.verify` from files on disk to the verdicts that a person reads."""

from __future__ import annotations

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
