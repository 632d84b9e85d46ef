"""What `--save_images` keeps, for every kind of submission, and that HR images stay unreadable inside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from data.images import read_rgb
from data.pairs import ImagePair
from eval import cli
from eval.harness import ground_truth
from eval.harness.scoring import saved_images
from eval.sandbox import Level
from eval.submissions.repository.discover import from_repository
from leaderboard.summary import summarise
from tests.eval import toy

Pairs = tuple[Path, Path]


def run(*arguments: object) -> int:
    return cli.main(summarise, [str(argument) for argument in arguments])


def entries(save_dir: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((save_dir / "results.json").read_text())
    return content


def test_sr_lr_and_hr_are_kept_pixel_for_pixel(tmp_path: Path, tiny_pairs: Pairs) -> None:
    hr_dir, lr_dir = tmp_path / "HR", tmp_path / "LR"
    shutil.copytree(tiny_pairs[1], lr_dir)
    hr_dir.mkdir()
    for path in sorted(tiny_pairs[0].glob("*.png")):  # three columns more than a multiple of the scale
        image = cv2.copyMakeBorder(read_rgb(path), 0, 0, 0, 3, cv2.BORDER_REPLICATE)
        cv2.imwrite(str(hr_dir / path.name), image[..., ::-1])
    repo = toy.write_repo(tmp_path / "repo", {1: toy.honest()})
    save = tmp_path / "out"
    common = ["--pairs", hr_dir, lr_dir, "--device", "cpu", "--protocol", "ntire"]
    assert run("--repo", repo, "--model_id", 1, "--save_dir", save, "--save_images", *common) == 0
    found = sorted(str(path.relative_to(save)) for path in (save / "images").rglob("*") if path.is_file())
    kinds = ("01_Repeat", "HR", "LR")
    assert found == [f"images/{kind}/valid/img{i}.png" for kind in kinds for i in range(3)]
    for i in range(3):
        kept = save / "images"
        assert np.array_equal(read_rgb(kept / f"LR/valid/img{i}.png"), read_rgb(lr_dir / f"img{i}x4.png"))
        hr = read_rgb(kept / f"HR/valid/img{i}.png")
        assert np.array_equal(hr, read_rgb(tiny_pairs[0] / f"img{i}.png"))
        assert read_rgb(kept / f"01_Repeat/valid/img{i}.png").shape == hr.shape


def test_nothing_is_kept_without_the_option(tmp_path: Path, tiny_pairs: Pairs) -> None:
    assert run("--images", tiny_pairs[0], "--hr", tiny_pairs[0], "--save_dir", tmp_path / "out") == 0
    assert not (tmp_path / "out" / "images").exists()


def test_results_handed_in_are_kept_too(tmp_path: Path, tiny_pairs: Pairs) -> None:
    shutil.copytree(tiny_pairs[0], tmp_path / "team_a")
    out = tmp_path / "out"
    assert (
        run("--images", tmp_path / "team_a", "--hr", tiny_pairs[0], "--save_dir", out, "--save_images") == 0
    )
    assert sorted(path.name for path in (out / "images").iterdir()) == ["HR", "team_a"]  # no LR was given


def test_each_batch_writes_hr_anew(tmp_path: Path) -> None:
    target = tmp_path / "HR" / "valid" / "a.png"
    for level in (10, 200):
        kept = saved_images.Pictures(tmp_path)
        image = np.full((8, 8, 3), level, np.uint8)
        pair = ImagePair("a", tmp_path / "a.png", tmp_path / "a.png")
        for model, hr in (("01_A", image), ("02_B", image + 1)):
            keep = kept.keeper(model, "valid", pair)
            assert keep is not None
            keep(image, hr)
        assert read_rgb(target).max() == level  # the second submission of a batch leaves it alone


def test_a_submission_called_hr_is_refused(
    tmp_path: Path, tiny_pairs: Pairs, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--hr", tiny_pairs[0], "--save_dir", tmp_path / "out"]
    assert run("--images", tiny_pairs[0], *common, "--save_images") == 2
    assert "a submission is called HR" in capsys.readouterr().err
    assert run("--images", tiny_pairs[0], *common) == 0


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, tiny_pairs: Pairs, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_pairs[0], tmp_path / "team_a")
    out = tmp_path / "out"
    out.mkdir()
    (out / "images").write_text("a file")
    assert (
        run("--images", tmp_path / "team_a", "--hr", tiny_pairs[0], "--save_dir", out, "--save_images") == 2
    )
    error = capsys.readouterr().err
    assert "images/team_a/valid: cannot be made" in error and error.count("\n") == 1


THIEF = """
for name in ("HR", "01_Repeat"):
    try:
        open({folder!r} + "/" + name + "/valid/img0.png", "rb").read(1)
    except OSError:
        continue
    raise RuntimeError("could read " + name)
return nn.functional.interpolate(self.conv(x), scale_factor=4)
"""


def test_a_submission_cannot_read_what_was_kept(tmp_path: Path, tiny_pairs: Pairs, confining: Level) -> None:
    save = tmp_path / "out"
    branches = {1: toy.honest(), 2: toy.forward(THIEF.format(folder=str(save / "images")))}
    repo = toy.write_repo(tmp_path / "repo", branches)
    common = ["--pairs", *tiny_pairs, "--device", "cpu", "--protocol", "ntire", "--sandbox", confining]
    assert run("--repo", repo, "--all", "--save_dir", save, "--save_images", *common) == 0
    assert (save / "images" / "HR" / "valid" / "img0.png").is_file()
    assert {name: entry["error"] for name, entry in entries(save).items()} == {
        "01_Repeat": None,
        "02_Toy": None,
    }


def test_results_inside_a_repository_are_hidden_from_its_submissions(
    tmp_path: Path, tiny_pairs: Pairs, confining: Level
) -> None:
    repo, save = tmp_path / "repo", tmp_path / "repo" / "results"
    toy.write_repo(repo, {2: toy.forward(THIEF.format(folder=str(save / "images")))})
    saved_images.hr_folder(save).mkdir(parents=True)  # kept by an earlier batch
    common = ["--repo", repo, "--all", "--save_dir", save, "--pairs", *tiny_pairs, "--sandbox", confining]
    assert run(*common, "--protocol", "ntire", "--device", "cpu", "--save_images") == 0
    assert (save / "images" / "HR" / "valid" / "img0.png").is_file()
    assert [entry["error"] for entry in entries(save).values()] == [None]


@pytest.mark.parametrize("level", [Level.BWRAP, Level.LANDLOCK])
def test_hr_is_not_kept_where_a_submission_can_read(tmp_path: Path, level: Level) -> None:
    repo = toy.write_repo(tmp_path / "repo", {1: toy.honest()})
    (repo / "results").mkdir()
    (one,) = from_repository(repo, None)
    problem = ground_truth.shown_hr(one, level, [], [saved_images.hr_folder(repo / "results")])
    assert "the folder for kept HR images" in problem and "keep them apart" in problem


@pytest.mark.parametrize("level", [Level.BWRAP, Level.LANDLOCK])
def test_hr_images_where_the_system_lies_are_refused(tmp_path: Path, level: Level) -> None:
    (one,) = from_repository(toy.write_repo(tmp_path / "repo", {9: toy.honest()}), None)
    pair = ImagePair("a", lr=tmp_path / "LR" / "a.png", hr=Path("/usr/src/app/HR/a.png"))
    assert "where every sandbox shows" in ground_truth.shown_hr(one, level, [pair])
    assert ground_truth.shown_hr(one, Level.PROCESS, [pair]) == ""
