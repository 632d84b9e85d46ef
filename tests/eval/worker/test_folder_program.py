"""Programs that read and write folders: a small repository in the form of 2025 and 2026, and its bad relatives."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from eval import cli
from eval.protocol.job import FolderProgramSource
from eval.submissions.repository import entry_point
from eval.submissions.repository.discover import from_repository
from leaderboard.summary import summarise

Pairs = tuple[Path, Path]

ENTRY = """
import os
import torch
from utils import utils_image


def select_model(args, device):
    model_id = args.model_id
    if model_id == 7:
        from models.team07_Repeat import main as Repeat
        name = f"{model_id:02}_Repeat"
        model_path = os.path.join("model_zoo", "team07_Repeat", "weights.pth")
        model_func = Repeat
    else:
        raise NotImplementedError(f"Model {model_id} is not implemented.")
    return model_func, model_path, name
"""

MODEL = """
import glob
import os
import cv2
import torch


class Repeat(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.up = torch.nn.ConvTranspose2d(3, 3, 4, 4, groups=3, bias=False)

    def forward(self, x):
        return self.up(x)


def main(model_dir, input_path, output_path, device):
    net = Repeat().to(device)
    net.load_state_dict(torch.load(model_dir))
    files = sorted(glob.glob(os.path.join(input_path, "*.png")))
    {before}
    for file in files:
        x = torch.from_numpy(cv2.imread(file)).permute(2, 0, 1)[None].float().to(device)
        y = net(x)[0].byte().permute(1, 2, 0).cpu().numpy()
        cv2.imwrite(os.path.join(output_path, os.path.basename(file)), y)
"""


def write_repo(folder: Path, *, before: str = "pass", entry: str = "test.py") -> Path:
    """A repository whose team 07 repeats pixels; `before` runs in its function ahead of the loop."""
    for name in ("models/team07_Repeat", "utils", "model_zoo/team07_Repeat"):
        (folder / name).mkdir(parents=True)
    (folder / "utils" / "utils_image.py").write_text("")
    (folder / entry).write_text(ENTRY)
    code = MODEL.replace("{before}", textwrap.indent(textwrap.dedent(before).strip(), " " * 4).strip())
    (folder / "models" / "team07_Repeat" / "__init__.py").write_text(code)
    torch.save({"up.weight": torch.ones(3, 1, 4, 4)}, folder / "model_zoo" / "team07_Repeat" / "weights.pth")
    return folder


def judge(repo: Path, pairs: Pairs, save_dir: Path) -> tuple[int, dict[str, Any]]:
    arguments = ["--repo", repo, "--all", "--pairs", *pairs, "--save_dir", save_dir, "--device", "cpu"]
    status = cli.main(summarise, [str(argument) for argument in arguments])
    content: dict[str, Any] = json.loads((save_dir / "results.json").read_text())
    assert list(content) == ["07_Repeat"]
    return status, content["07_Repeat"]


def test_a_program_is_run_once_on_the_folder_and_scored(tiny_pairs: Pairs, tmp_path: Path) -> None:
    status, entry = judge(write_repo(tmp_path / "repo"), tiny_pairs, tmp_path / "out")
    assert (status, entry["error"]) == (0, None)
    hr_dir, lr_dir = tiny_pairs
    for name, value in zip(entry["valid_images"], entry["valid_psnr"], strict=True):
        hr, lr = (cv2.imread(str(path)) for path in (hr_dir / f"{name}.png", lr_dir / f"{name}x4.png"))
        assert hr is not None and lr is not None
        error = (lr.repeat(4, 0).repeat(4, 1).astype(float) - hr)[4:-4, 4:-4]
        assert value == pytest.approx(20 * np.log10(255 / np.sqrt(np.mean(error**2))), abs=1e-9)
    assert entry["num_parameters"] == pytest.approx(48e-6)


def test_both_times_are_told_apart(tiny_pairs: Pairs, tmp_path: Path) -> None:
    repo = write_repo(tmp_path / "repo", before="import time; time.sleep(1.5)")
    _, entry = judge(repo, tiny_pairs, tmp_path / "out")
    reason = next(flag["reason"] for flag in entry["flags"] if flag["name"] == "folder times")
    assert "for the whole call" in reason and "in 3 network calls" in reason
    record = json.loads(next((tmp_path / "out" / "records").glob("*.json")).read_text())
    result = record["modes"]["valid"]
    assert result["with_io_ms"] > 500  # the sleep, over three images
    assert 0 < result["runtime"]["mean"] < result["with_io_ms"] - 450
    assert result["runtime"]["protocol"] == "folder"


@pytest.mark.parametrize(
    ("before", "error"),
    [
        ("files = files[1:]", r"1 of 3 images are missing .*img0"),
        ("raise ValueError('no such scale')", "running on the folder: no such scale"),
        (
            "open(os.path.join(input_path, 'x'), 'w')",
            "running on the folder: .*(Read-only|Permission denied)",
        ),
        ("os._exit(3)", "running on the folder: the worker process ended"),
    ],
    ids=["missing", "raises", "writes input", "exits"],
)
def test_what_goes_wrong_is_the_programs_failure(
    before: str, error: str, tiny_pairs: Pairs, tmp_path: Path
) -> None:
    import re

    status, entry = judge(write_repo(tmp_path / "repo", before=before), tiny_pairs, tmp_path / "out")
    assert status == 1 and entry["status"] == "failed"
    assert re.search(error, entry["error"]), entry["error"]


def test_a_link_to_the_truth_is_refused(tiny_pairs: Pairs, tmp_path: Path) -> None:
    hr = tiny_pairs[0] / "img0.png"
    before = f"""
    os.symlink({str(hr)!r}, os.path.join(output_path, "img0.png"))
    files = files[1:]
    """
    status, entry = judge(write_repo(tmp_path / "repo", before=before), tiny_pairs, tmp_path / "out")
    assert status == 1 and "not a regular file" in entry["error"]


@pytest.mark.parametrize("entry", entry_point.ENTRIES)
def test_the_entry_is_found_by_reading(entry: str, tmp_path: Path) -> None:
    repo = write_repo(tmp_path / "repo", entry=entry)
    (repo / entry).write_text("raise SystemExit('never run by the parent')\n" + ENTRY)
    found = from_repository(repo, None)
    assert [one.model for one in found] == ["07_Repeat"]
    assert isinstance(found[0].source, FolderProgramSource) and found[0].writable == ()


def test_a_module_that_is_not_in_the_repository_is_named(tiny_pairs: Pairs, tmp_path: Path) -> None:
    repo = write_repo(tmp_path / "repo")
    (repo / "test.py").write_text(ENTRY.replace("models.team07_Repeat", "models.team07_Deleted"))
    status, entry = judge(repo, tiny_pairs, tmp_path / "out")
    assert status == 1
    assert entry["error"].startswith("loading: the repository has no module 'models.team07_Deleted'")


def test_a_repository_without_select_model_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "test.py").write_text("print('hello')\n")
    with pytest.raises(
        ValueError, match=r"no file with a function select_model .*test_demo\.py, test\.py, eval\.py"
    ):
        from_repository(tmp_path, None)
