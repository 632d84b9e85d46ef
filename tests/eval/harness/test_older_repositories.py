"""Repositories of other years, the whole way: from files on disk by the command line to results.json and folders."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.eval import toy

Pairs = tuple[Path, Path]


def run(repo: Path, pairs: Pairs, save_dir: Path, *more: str) -> tuple[int, str, dict[str, Any]]:
    """Exit status, what was printed, and results.json."""
    command = [
        sys.executable,
        "test_demo.py",
        "--repo",
        repo,
        "--pairs",
        *pairs,
        "--save_dir",
        save_dir,
        *more,
    ]
    done = subprocess.run(
        [*map(str, command), "--device", "cpu", "--protocol", "ntire"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    results = save_dir / "results.json"
    return (
        done.returncode,
        done.stdout + done.stderr,
        json.loads(results.read_text()) if results.exists() else {},
    )


def test_a_negative_id_an_empty_branch_and_a_name_with_brackets(tiny_pairs: Pairs, tmp_path: Path) -> None:
    branches = {-1: toy.honest("IMDN"), 7: "pass", 42: toy.honest("[FEAN][red]")}
    repo = toy.write_repo(tmp_path / "repo", branches)
    status, printed, results = run(repo, tiny_pairs, tmp_path / "out", "--all", "--save_images")
    assert status == 1
    assert list(results) == ["-1_IMDN", "07_unnamed", "42_[FEAN][red]"], printed
    assert results["-1_IMDN"]["status"] == results["42_[FEAN][red]"]["status"] == "ok"
    assert results["07_unnamed"]["error"].startswith("no model under this id")
    assert "42_[FEAN][red]" in printed
    out = tmp_path / "out"
    assert {path.name for path in (out / "images").iterdir()} == {"HR", "LR", "-1_IMDN", "42__FEAN_red_"}
    assert len(list((out / "records").glob("*.json"))) == 3
    again, printed, _ = run(repo, tiny_pairs, out, "--model_id", "42", "--resume", "--save_images")
    assert again == 0 and "42_[FEAN][red]: already evaluated" in printed


def test_one_negative_id_can_be_asked_for(tiny_pairs: Pairs, tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {-1: toy.honest("IMDN"), 0: toy.honest("RFDN")})
    status, printed, results = run(repo, tiny_pairs, tmp_path / "out", "--model_id", "-1")
    assert (status, list(results)) == (0, ["-1_IMDN"]), printed
    status, printed, _ = run(repo, tiny_pairs, tmp_path / "out", "--model_id", "-2")
    assert status == 2 and "there are: -1, 0" in " ".join(printed.split())


PROGRAM = """
import glob, logging, os
import cv2, torch


def main(model_dir, input_path, output_path, device=None):
    logging.basicConfig(filename="NTIRE.log", level=logging.INFO, force=True)
    with open("old.log", "a") as log:
        log.write("again")
    os.makedirs("results/inner", exist_ok=True)
    open("results/inner/note.txt", "w").close()
    open(os.path.join(os.path.dirname(__file__), "beside.txt"), "w").close()
    weights = torch.load(model_dir)
    assert os.path.isdir("models") and open("config.json").read() == "{}"
    for file in sorted(glob.glob(os.path.join(input_path, "*.png"))):
        image = cv2.imread(file).repeat(4, 0).repeat(4, 1)
        cv2.imwrite(os.path.join(output_path, os.path.basename(file)), image * int(weights["gain"]))
"""
ENTRY = """
def select_model(args, device):
    if args.model_id == 0:
        from models.team00_Base import main
        name = "00_Base"
    return main, "model_zoo/team00_Base.pth", name
"""


def image_sr_repo(repo: Path) -> Path:
    import torch

    for name in ("00_Base", "06_VAI-GM"):
        (repo / "models" / f"team{name}").mkdir(parents=True)
        (repo / "models" / f"team{name}" / "io.py").write_text(PROGRAM)
    (repo / "models" / "team00_Base" / "__init__.py").write_text("from .io import *\n")
    (repo / "models" / "team07_Idea").mkdir()
    for name, text in {"test.py": ENTRY, "old.log": "before", "config.json": "{}"}.items():
        (repo / name).write_text(text)
    (repo / "model_zoo" / "team06_VAI-GM").mkdir(parents=True)
    for file in ("team00_Base.pth", "team06_VAI-GM/w.pth"):
        torch.save({"gain": torch.ones(1)}, repo / "model_zoo" / file)
    return repo


@pytest.mark.parametrize("level", ["bwrap", "landlock", "process"])
def test_image_sr_programs_log_where_they_work_and_need_no_branch(
    level: str, tiny_pairs: Pairs, tmp_path: Path
) -> None:
    from eval.sandbox import Level
    from eval.sandbox.probe import why_not

    if level != "process" and (reason := why_not(Level(level))):
        pytest.skip(reason)
    chosen = ["--all"] if level == "bwrap" else ["--model_id", "6", "7"]
    repo = image_sr_repo(tmp_path / "repo")
    before = {path: path.stat().st_mtime_ns for path in repo.rglob("*")}
    status, printed, results = run(repo, tiny_pairs, tmp_path / "out", *chosen, "--sandbox", level)
    errors = {model: entry["error"] for model, entry in results.items()}
    assert list(errors) == [*(["00_Base"] if level == "bwrap" else []), "06_VAI-GM", "07_Idea"], printed
    assert errors.get("00_Base") is None and errors["06_VAI-GM"] is None, errors
    assert errors["07_Idea"].startswith(
        "models/team07_Idea/: no branch of select_model, and no file with a function"
    )
    assert level != "bwrap" or results["00_Base"]["valid_psnr"] == results["06_VAI-GM"]["valid_psnr"]
    assert status == 1
    assert {path: path.stat().st_mtime_ns for path in repo.rglob("*")} == before
