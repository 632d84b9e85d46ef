"""`python -m eval.verify` from files on disk to the verdicts that a person reads."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from data.images import read_rgb
from eval import challenge as challenges
from eval.records import store
from eval.submissions.catalogue import find_manifest
from eval.submissions.manifest import read_manifest
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


def rules(folder: Path) -> Path:
    """Rules that apply to all images, so that quality on a small set can be compared."""
    text = (challenges.CHALLENGES / "esr2024.toml").read_text()
    head, tail = text.split("[images.valid]")[0], text[text.index("[ranking]") :]
    path = folder / "small.toml"
    path.write_text(head.replace("esr2024", "small") + tail)
    return path


def enlarged(pairs: tuple[Path, Path]) -> list[tuple[np.ndarray, np.ndarray]]:
    """SR as the toy network makes it, and HR."""
    hr, lr = pairs
    return [
        (read_rgb(lr / f"{path.stem}x4.png").repeat(4, 0).repeat(4, 1), read_rgb(path))
        for path in sorted(hr.iterdir())
    ]


def decibels(sr: np.ndarray, hr: np.ndarray, border: int) -> float:
    inside = (slice(border, -border or None),) * 2
    error = (sr[inside].astype(float) - hr[inside]) ** 2
    return float(10 * np.log10(255**2 / error.mean()))


def test_quality_on_a_small_set_is_confirmed_or_contradicted_and_explained(
    tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    """Known results: the protocol of a wrong PSNR is found on the kept images, and so is an SSIM's window."""
    images = enlarged(tiny_pairs)
    right, wrong = (np.mean([decibels(*pair, border) for pair in images]) for border in (4, 0))
    assert abs(right - wrong) > 0.02
    uniform = [
        structural_similarity(sr[4:-4, 4:-4], hr[4:-4, 4:-4], channel_axis=2, data_range=255)
        for sr, hr in images
    ]
    how = ["--challenge", str(rules(tmp_path)), "--ssim", "--save_images", "--json"]
    models = claims_of(tmp_path, f"psnr_valid_db = {right:.3f}\nssim_valid = {np.mean(uniform):.4f}\n")
    found = verdicts(verify(models, tiny_pairs, *how))
    assert found["psnr_valid_db"]["verdict"] == "confirmed"
    assert found["ssim_valid"]["verdict"] == "contradicted"
    assert "uniform window 7x7" in found["ssim_valid"]["reason"]

    manifest = models / "team42_Net.toml"
    manifest.write_text(manifest.read_text().replace(f"{right:.3f}", f"{wrong:.3f}"))
    found = verdicts(verify(models, tiny_pairs, *how))
    assert found["psnr_valid_db"]["verdict"] == "contradicted"
    assert (
        "on the kept images: PSNR, RGB uint8, border 0, mean over images" in found["psnr_valid_db"]["reason"]
    )


def test_dead_weight_explains_a_claim_and_stands_in_the_record(
    tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    """A training branch that is never read: the claim leaves it out, the record has both figures."""
    models = claims_of(tmp_path, "params_m = 0.000001\n")
    script = models / "team42_Net.py"
    script.write_text(
        toy.NETWORK.replace("torch.ones(1))", "torch.ones(1)); self.branch = nn.Conv2d(3, 3, 1)")
    )
    weights = {"gain": torch.ones(1), "branch.weight": torch.ones(3, 3, 1, 1), "branch.bias": torch.ones(3)}
    torch.save(weights, tmp_path / "models" / "team42.pth")
    done = verify(models, tiny_pairs, "--json")
    one = verdicts(done)["params_m"]
    assert (done.returncode, one["verdict"], one["measured"]) == (1, "contradicted", 13 / 1e6)
    assert (
        "12 parameters are never read in a forward pass, and the claim leaves them out (branch (12))"
        in (one["reason"])
    )
    (record,) = store.read_all(tmp_path / "out")
    assert record.complexity is not None
    assert (record.complexity.params_m, record.complexity.deployed_params_m) == (13 / 1e6, 1 / 1e6)
    assert any(flag.name == "parameters unused" and "branch (12)" in flag.reason for flag in record.flags)


@pytest.mark.slow
def test_the_systems_own_claims_hold(shared: Path, tmp_path: Path) -> None:
    """With the authors' checkpoints, on another machine and on other images than the claims are for."""
    for name in ("models", "model_zoo", "HR", "LR"):
        (tmp_path / name).mkdir()
    for model_id in ("0", "21", "25", "28"):
        manifest = find_manifest(model_id)
        shutil.copy(manifest, tmp_path / "models")
        shutil.copy(manifest.with_suffix(".py"), tmp_path / "models")
        checkpoint = read_manifest(manifest).checkpoint
        assert checkpoint is not None
        shutil.copy(shared / "reference" / "weights" / checkpoint.file, tmp_path / "model_zoo")
    for folder, side in (("HR", 192), ("LR", 48)):
        cv2.imwrite(str(tmp_path / folder / "a.png"), np.full((side, side, 3), 90, np.uint8))
    done = subprocess.run(
        [sys.executable, "-m", "eval.verify", "--models", tmp_path / "models", "--model_id", "0", "21", "25", "28",
         "--checkpoint", "authors", "--pairs", tmp_path / "HR", tmp_path / "LR", "--protocol", "ntire",
         "--device", "cpu", "--save_dir", tmp_path / "out", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {(one["model"], one["claim"]): one for one in json.loads(done.stdout)}
    for model, claim, claimed in (
        ("00_RLFN_baseline", "params_m", 0.317),
        ("00_RLFN_baseline", "flops_g", 19.67),
        ("25_EERN", "params_m", 0.6574),
        ("25_EERN", "flops_g", 41.2126),
        ("28_MSN", "params_m", 87612 / 1e6),
    ):
        one = found[model, claim]
        assert (one["claimed"], one["verdict"]) == (claimed, "confirmed")
    for one in found.values():
        if one["claimed"] is not None and one["claim"] in ("runtime_ms", "psnr_valid_db", "psnr_test_db"):
            assert one["verdict"] == "not comparable"
            assert ("RTX 3090" if one["claim"] == "runtime_ms" else "not at hand") in one["reason"]


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
