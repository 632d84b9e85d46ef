"""Processes of one run decide together: what fails in one ends all of them, soon and with one message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SCRIPT = """
import json, sys
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric

from data.errors import InputError
from train.agreement import Agreement

fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
fabric.launch()
rank, agreement, told = fabric.global_rank, Agreement(fabric), []


def attempt(action):
    try:
        told.append(action())
    except Exception as error:
        told.append(f"{type(error).__name__}: {error}")


def fail(*ranks, error=InputError):
    if rank in ranks:
        raise error(f"wrong in {rank}")
    return "right"


attempt(lambda: agreement.in_all(fail))
attempt(lambda: agreement.in_all(lambda: fail(1)))
attempt(lambda: agreement.in_all(lambda: fail(0, 1)))
attempt(lambda: agreement.in_all(lambda: fail(1, error=OSError)))
attempt(lambda: agreement.in_first(lambda: fail(0)))
attempt(lambda: agreement.in_first(lambda: fail(1)))
attempt(lambda: str(agreement.mean(torch.tensor(float("nan") if rank else 1.0))))
attempt(lambda: agreement.mean(torch.tensor(1.0 + rank)))
attempt(lambda: agreement.total(np.array([[1.0 - rank, float(rank)]])).tolist())
Path(sys.argv[1], f"{rank}.json").write_text(json.dumps(told))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python command, which must end long before a collective operation would time out."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )


def test_two_processes_hear_of_each_others_failures(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = run(str(script), str(tmp_path))
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    common = ["right", "AgreedError: wrong in 1", "AgreedError: wrong in 0"]
    assert first[:3] == second[:3] == common
    assert first[3] == "AgreedError: process 1 ended with OSError: wrong in 1"
    assert second[3] == "OSError: wrong in 1"
    assert first[4] == second[4] == "AgreedError: wrong in 0"
    assert first[5:] == second[5:] == [None, "nan", 1.5, [[1.0, 1.0]]]


def training(recipe: Path, network: str, data: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """The first stage of the small recipe with another network, on two processes."""
    text = recipe.read_text(encoding="utf-8")
    text = text.replace("models.team00_RLFN:RLFN", network).replace(
        "validate_every = 3", "validate_every = 2"
    )
    recipe.write_text(text, encoding="utf-8")
    places = ["--data", str(data), "--out", str(out), "--workers", "0", "--accelerator", "cpu"]
    return run("-m", "train", str(recipe), *places, "--devices", "2", "--stage", "teacher")


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "error" in line.lower()]


def test_no_number_in_one_process_is_one_message(tiny: Path, photos: Path, tmp_path: Path) -> None:
    tiny.write_text(
        tiny.read_text(encoding="utf-8").replace("batch = 2\n", "batch = 2\nclip_norm = 1.0\n", 1)
    )
    done = training(tiny, "tests.train.toys:NoNumberInSecond", photos, tmp_path / "run")
    assert done.returncode == 2
    assert errors(done) == [
        "error: stages.teacher: the loss is nan at step 0; a lower lr or clip_norm in the recipe may help"
    ]


def test_a_damaged_image_in_one_process_is_one_message(tiny: Path, photos: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for photo in photos.iterdir():
        (images / photo.name).write_bytes(photo.read_bytes())
    (images / "3.png").write_bytes((images / "3.png").read_bytes()[:2000])
    done = training(tiny, "models.team00_RLFN:RLFN", images, tmp_path / "run")
    assert done.returncode == 2
    (line,) = errors(done)
    assert line.startswith(f"error: {images / '3.png'}: it is truncated: the PNG ends inside a chunk")


def test_a_fault_in_one_process_ends_the_other(tiny: Path, photos: Path, tmp_path: Path) -> None:
    done = training(tiny, "tests.train.toys:RaisesInSecond", photos, tmp_path / "run")
    assert done.returncode != 0
    assert "LookupError: no such thing" in done.stderr
    assert "error: process 1 ended with LookupError: no such thing" in done.stderr
    assert "Connection closed" not in done.stderr
