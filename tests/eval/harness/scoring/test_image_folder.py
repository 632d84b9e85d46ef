"""Results handed in as images: names, missing, surplus and unfit files; nothing is resized."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from data.pairs import ImagePair
from eval import cli
from eval.failures import SubmissionFailed
from eval.harness.scoring import image_folder
from leaderboard.summary import summarise

Pairs = tuple[Path, Path]


def run(*arguments: object) -> int:
    return cli.main(summarise, [str(argument) for argument in arguments])


def read(save_dir: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((save_dir / "results.json").read_text())
    return content


def paired(hr: Path) -> list[ImagePair]:
    return [ImagePair(path.stem, path, path) for path in sorted(hr.glob("*.png"))]


@pytest.fixture
def handed_in(tiny_pairs: Pairs, tmp_path: Path) -> Path:
    """SR images a grey level off, named in both ways that are allowed."""
    folder = tmp_path / "team_a"
    folder.mkdir()
    for number, path in enumerate(sorted(tiny_pairs[0].glob("*.png"))):
        image = cv2.imread(str(path))
        assert image is not None
        name = f"{path.stem}x4.png" if number else path.name
        cv2.imwrite(str(folder / name), np.where(image < 255, image + 1, image).astype(np.uint8))
    return folder


def test_images_are_scored_without_lr_images(handed_in: Path, tiny_pairs: Pairs, tmp_path: Path) -> None:
    assert run("--images", handed_in, "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out", "--ssim") == 0
    entry = read(tmp_path / "out")["team_a"]
    assert entry["status"] == "ok" and entry["flags"] == []
    assert len(entry["valid_psnr"]) == 3 and min(entry["valid_psnr"]) > 48
    assert entry["runtime_ms"] is None and "flops" not in entry


def test_a_run_and_its_written_images_have_equal_scores(tiny_pairs: Pairs, tmp_path: Path) -> None:
    checkpoint = tmp_path / "compact.pth"
    write_compact(checkpoint)
    common = ["--pairs", *tiny_pairs, "--ssim", "--device", "cpu", "--protocol", "ntire"]
    assert run("--weights", checkpoint, *common, "--save_dir", tmp_path / "run", "--save_images") == 0
    images = tmp_path / "run" / "images" / "compact"
    assert run("--images", images, *common, "--save_dir", tmp_path / "images") == 0
    first, second = read(tmp_path / "run")["compact"], read(tmp_path / "images")["compact"]
    for key in ("valid_psnr", "valid_ssim", "valid_images", "valid_ave_psnr", "valid_ave_ssim"):
        assert first[key] == second[key]


def write_compact(path: Path) -> None:
    import torch
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    torch.save(Compact(num_feat=8, num_conv=1, upscale=4).state_dict(), path)


def test_a_missing_image_is_named_and_nothing_is_ranked(
    handed_in: Path, tiny_pairs: Pairs, tmp_path: Path
) -> None:
    (handed_in / "img1x4.png").unlink()
    assert run("--images", handed_in, "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 1
    entry = read(tmp_path / "out")["team_a"]
    assert "1 of 3 images are missing" in entry["error"] and "img1" in entry["error"]
    assert "valid_ave_psnr" not in entry
    assert "team_a" in (tmp_path / "out" / "leaderboard.csv").read_text()


def test_surplus_files_are_named_in_a_flag(handed_in: Path, tiny_pairs: Pairs, tmp_path: Path) -> None:
    shutil.copy(handed_in / "img0.png", handed_in / "other.png")
    (handed_in / "notes.txt").write_text("not an image\n")
    assert run("--images", handed_in, "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 0
    flags = read(tmp_path / "out")["team_a"]["flags"]
    assert [flag["name"] for flag in flags] == ["surplus files"] and "other.png" in flags[0]["reason"]


def test_a_surplus_name_that_is_no_text_is_shown_with_escapes(
    handed_in: Path, tiny_pairs: Pairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (handed_in / os.fsdecode(b"\xff\x1b[2J.png")).write_bytes(b"")
    assert run("--images", handed_in, "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 0
    assert r"left out: \udcff\x1b[2J" in read(tmp_path / "out")["team_a"]["flags"][0]["reason"]
    assert "\x1b[2J" not in capsys.readouterr().out


def test_an_image_of_another_size_fails_and_is_not_resized(
    handed_in: Path, tiny_pairs: Pairs, tmp_path: Path
) -> None:
    cv2.imwrite(str(handed_in / "img2x4.png"), np.zeros((65, 64, 3), np.uint8))
    assert run("--images", handed_in, "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 1
    assert (
        "is 64x65, expected 64x64; nothing is resized (img2.png)" in read(tmp_path / "out")["team_a"]["error"]
    )


def test_a_damaged_image_is_the_submissions_failure(
    handed_in: Path, tiny_pairs: Pairs, tmp_path: Path
) -> None:
    whole = (handed_in / "img0.png").read_bytes()
    (handed_in / "img0.png").write_bytes(whole[: len(whole) // 2])
    assert run("--images", handed_in, "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 1
    assert "img0.png" in read(tmp_path / "out")["team_a"]["error"]


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff", "bmp", "jp2"])
def test_other_formats_are_not_decoded_here(
    handed_in: Path, tiny_pairs: Pairs, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    image = cv2.imread(str(handed_in / "img0.png"))
    assert image is not None
    cv2.imwrite(str(handed_in / f"img0.{suffix}"), image)
    (handed_in / f"img0.{suffix}").rename(handed_in / "img0.png")
    monkeypatch.setattr(cv2, "imdecode", None)
    (pair,) = (one for one in paired(tiny_pairs[0]) if one.name == "img0")
    with pytest.raises(SubmissionFailed, match=r"img0\.png: is no PNG file; other formats are not accepted"):
        image_folder._read(handed_in / "img0.png", pair, 4)


def test_a_small_file_of_many_pixels_is_not_decoded(
    tiny_pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "img0.png"
    cv2.imwrite(str(bomb), np.zeros((6000, 6000), np.uint8))
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(SubmissionFailed, match="is 6000x6000, expected 80x96; nothing is resized"):
        image_folder._read(bomb, paired(tiny_pairs[0])[0], 4)


def test_a_link_to_the_truth_is_not_a_result(handed_in: Path, tiny_pairs: Pairs) -> None:
    (handed_in / "img0.png").unlink()
    (handed_in / "img0.png").symlink_to(tiny_pairs[0] / "img0.png")
    with pytest.raises(
        SubmissionFailed, match=r"img0\.png: not a regular file; links and devices are not results"
    ):
        image_folder.find_images(handed_in, paired(tiny_pairs[0]), 4)


def test_two_files_for_one_image_are_both_named(handed_in: Path, tiny_pairs: Pairs) -> None:
    shutil.copy(handed_in / "img1x4.png", handed_in / "img1.png")
    with pytest.raises(
        SubmissionFailed, match=r"both img1\.png and img1x4\.png could be image img1; expected one"
    ):
        image_folder.find_images(handed_in, paired(tiny_pairs[0]), 4)


def test_two_modes_need_a_folder_each(tmp_path: Path) -> None:
    (tmp_path / "valid").mkdir()
    with pytest.raises(SubmissionFailed, match="no folder test in it; expected one for each of valid, test"):
        image_folder.mode_folders(tmp_path, {"valid": None, "test": None})
    assert image_folder.mode_folders(tmp_path, {"valid": None}) == {"valid": tmp_path / "valid"}


def test_hr_alone_is_for_images_only(
    tiny_pairs: Pairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model_id", "25", "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 2
    assert "--hr: only --images can be scored without LR images" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_a_usage_error(
    tiny_pairs: Pairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--images", tmp_path / "none", "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 2
    assert "none: no such folder" in capsys.readouterr().err
