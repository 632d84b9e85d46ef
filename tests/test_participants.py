"""docs/participants.md: its commands are run one after another, as a reader would."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from eval.validation.receipt import read_receipt
from tests.conftest import ROOT
from tests.eval import toy
from tests.eval.validation.pictures import coloured_pair

PAGE = ROOT / "docs" / "participants.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


def commands() -> list[str]:
    """Every line of the page's shell blocks."""
    lines = "".join(BLOCK.findall(PAGE.read_text(encoding="utf-8"))).splitlines()
    return [line for line in lines if line.strip()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page assumes: images in the official layout, and somebody's script and weights."""
    folder = tmp_path_factory.mktemp("desk")
    hr, lr = coloured_pair(folder / "pair")
    data = folder / "DATA"
    shutil.copytree(hr, data / "DIV2K_LSDIR_valid_HR")
    shutil.copytree(lr, data / "DIV2K_LSDIR_valid_LR")
    (folder / "net.py").write_text(toy.NETWORK)
    torch.save({"gain": torch.ones(1)}, folder / "net.pth")
    (folder / "test_demo.py").symlink_to(ROOT / "test_demo.py")
    return folder


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(line)
    assert program == "python", f"this test cannot run: {line}"
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def test_every_command_works_and_leaves_what_the_page_says(desk: Path) -> None:
    lines = commands()
    assert len(lines) >= 7 and lines[0].startswith("python -m eval.new")
    for line in lines:
        done = run(line, desk)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    text = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"`(mine/[\w./]+)`", text):
        assert (desk / name).is_file(), name
    assert json.loads((desk / "results" / "results.json").read_text())["42_MyNet"]["status"] == "ok"
    assert (desk / "factsheet" / "readme.txt").is_file()
    assert read_receipt(desk / "receipt.json").model == "42_MyNet"
