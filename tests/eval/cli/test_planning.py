"""What is refused before any model runs, and which images a batch gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from data.images import image_size
from eval import cli
from eval.cli.options import parser
from eval.cli.planning import build_plan
from leaderboard.summary import summarise
from tests.conftest import ROOT
from tests.eval import toy

Pairs = tuple[Path, Path]
SIZES = {"a": 2, "b": 12, "c": 16}  # sides of the LR images


def write_pairs(folder: Path, sizes: dict[str, int], scale: int = 4) -> Pairs:
    for name in ("HR", "LR"):
        (folder / name).mkdir(parents=True)
    for name, side in sizes.items():
        cv2.imwrite(
            str(folder / "HR" / f"{name}.png"), np.full((side * scale, side * scale, 3), 90, np.uint8)
        )
        cv2.imwrite(str(folder / "LR" / f"{name}.png"), np.full((side, side, 3), 90, np.uint8))
    return folder / "HR", folder / "LR"


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main(summarise, [str(one) for one in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        (
            {"a": 2, "b": 12},
            (),
            "too small for PSNR: {hr}/a.png is 8x8; expected at least 9x9 pixels (border 4)",
        ),
        ({"a": 4, "b": 12}, ("--ssim",), "too small for SSIM: {hr}/a.png is 16x16; expected at least 19x19"),
        ({"a": 2, "b": 1, "c": 12}, (), "{hr}/a.png is 8x8; {hr}/b.png is 4x4; expected"),
    ],
)
def test_small_images_are_named_before_any_model_runs(
    tmp_path: Path, sizes: dict[str, int], options: tuple[str, ...], message: str, capsys: Any
) -> None:
    hr, lr = write_pairs(tmp_path, sizes)
    repo = toy.write_repo(tmp_path / "repo", {9: "raise SystemExit('it ran')"})
    common = ("--save_dir", tmp_path / "out", *options)
    assert message.format(hr=hr) in refused(capsys, "--repo", repo, "--all", "--pairs", hr, lr, *common)
    assert message.format(hr=hr) in refused(capsys, "--images", lr, "--hr", hr, *common)
    assert not (tmp_path / "out" / "records").exists()


@pytest.mark.parametrize("side", [3, 5])
def test_the_least_size_that_is_named_is_large_enough(tmp_path: Path, side: int) -> None:
    """Least sides of PSNR and SSIM, rounded up to a multiple of the scale: 12 and 20."""
    hr, _ = write_pairs(tmp_path, {"a": side})
    ssim = ("--ssim",) if side == 5 else ()
    options = ("--images", hr, "--hr", hr, "--save_dir", tmp_path / "out", *ssim)
    assert cli.main(summarise, [str(one) for one in options]) == 0


def test_swapped_folders_are_said_so(tmp_path: Path, tiny_pairs: Pairs, capsys: Any) -> None:
    hr, lr = tiny_pairs
    repo = toy.write_repo(tmp_path / "repo", {9: toy.honest()})
    error = refused(capsys, "--repo", repo, "--all", "--pairs", lr, hr, "--save_dir", tmp_path / "out")
    assert f"the folders are swapped: {lr} holds the LR images and {hr} the HR images" in error
    same = write_pairs(tmp_path / "same", SIZES | {"a": 14})
    error = refused(capsys, "--repo", repo, "--all", "--pairs", *same[::-1], "--save_dir", tmp_path / "out")
    assert "the folders are swapped" in error


def test_swapped_folders_of_the_official_layout_are_said_so(tmp_path: Path, capsys: Any) -> None:
    hr, lr = write_pairs(tmp_path, SIZES | {"a": 14})
    hr.rename(tmp_path / "DIV2K_valid_LR")
    lr.rename(tmp_path / "DIV2K_valid_HR")
    error = refused(capsys, "--model_id", "25", "--data_dir", tmp_path, "--save_dir", tmp_path / "out")
    assert "the folders are swapped" in error


def test_other_mismatches_keep_their_own_message(tmp_path: Path, capsys: Any) -> None:
    hr, lr = write_pairs(tmp_path, {"b": 12})
    cv2.imwrite(str(lr / "b.png"), np.zeros((11, 12, 3), np.uint8))
    error = refused(capsys, "--model_id", "25", "--pairs", hr, lr, "--save_dir", tmp_path / "out")
    assert "sizes do not match" in error and "swapped" not in error


@pytest.mark.parametrize("scale", [2, 3])
def test_the_demo_set_has_the_challenges_scale(scale: int, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rules = (ROOT / "leaderboard" / "challenges" / "esr2024.toml").read_text()
    named = rules.replace('"esr2024"', '"other"', 1)
    (tmp_path / "other.toml").write_text(f"scale = {scale}\n{named}")
    options = parser().parse_args(["--model_id", "25", "--challenge", str(tmp_path / "other.toml")])
    options.save_dir = tmp_path / "out"
    plan = build_plan(options)
    assert plan.dataset.label == "demo set"
    for pair in plan.dataset.modes["valid"]:
        large, small = image_size(pair.hr), image_size(pair.lr)
        assert large == (small[0] * scale, small[1] * scale)
