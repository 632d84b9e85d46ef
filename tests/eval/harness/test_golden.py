"""Whole evaluations with the authors' checkpoints equal what the official code gave (../shared/reference)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from eval import cli
from eval.submissions import checkpoints
from leaderboard.summary import summarise

MODELS = {"0": "00_RLFN_baseline", "21": "21_SlimRLFN", "25": "25_EERN", "28": "28_MSN"}
# Made on another processor, where a convolution may round a pixel the other way.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model_zoo(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model_zoo with the released checkpoints where `fetch` would put them."""
    folder = tmp_path_factory.mktemp("model_zoo")
    for path in (shared / "reference" / "weights").glob("team*"):
        shutil.copy(path, folder)
    return folder


def evaluate(arguments: list[str], out: Path) -> dict[str, Any]:
    status = cli.main(
        summarise,
        [
            "--model_id",
            *MODELS,
            "--checkpoint",
            "authors",
            "--ssim",
            "--device",
            "cpu",
            "--save_dir",
            str(out),
            *arguments,
        ],
    )
    assert status == 0
    content: dict[str, Any] = json.loads((out / "results.json").read_text())
    return content


def compare(content: dict[str, Any], reference: dict[str, Any], dataset: str) -> None:
    for model in MODELS.values():
        ours, official = content[model], reference[model]
        images = {name.removesuffix(".png"): values for name, values in official[dataset]["images"].items()}
        assert ours["valid_images"] == sorted(images)
        for metric in ("psnr", "ssim"):
            expected = [images[name][metric] for name in ours["valid_images"]]
            assert ours[f"valid_{metric}"] == pytest.approx(expected, abs=TOLERANCE), (model, metric)
        assert round(ours["num_parameters"] * 1e6) == official["num_parameters"]
        assert round(ours["flops"] * 1e9) == official["flops_fvcore"]
        assert round(ours["activations"] * 1e6) == official["activations"]
        assert ours["num_conv"] == official["num_conv"]


@pytest.fixture
def reference(shared: Path, model_zoo: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(checkpoints, "MODEL_ZOO", model_zoo)
    content: dict[str, Any] = json.loads((shared / "reference" / "ntire2024_esr.json").read_text())
    return content


def test_set5_as_folders_of_pairs(reference: dict[str, Any], shared: Path, tmp_path: Path) -> None:
    folders = [str(shared / "images" / "Set5" / name) for name in ("HR", "LR")]
    compare(evaluate(["--pairs", *folders, "--protocol", "ntire"], tmp_path), reference, "Set5")


@pytest.mark.slow
def test_set14_in_the_challenge_layout(reference: dict[str, Any], shared: Path, tmp_path: Path) -> None:
    compare(evaluate(["--data_dir", str(shared / "images" / "Set14")], tmp_path), reference, "Set14")
