"""Wrong ranges, results below bicubic or equal to HR, and what submissions print: from files to what a user reads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from data.bicubic import imresize
from data.images import read_rgb, write_png
from eval.records import store
from eval.records.schema import Record
from tests.conftest import ROOT
from tests.eval import toy

Pairs = tuple[Path, Path]
SAYS = 'print("hello \\x1b[31m from \\ninside", flush=True)\n'
BRANCHES = {
    1: toy.forward("return super().forward(x) * 255"),
    2: toy.forward("return super().forward(x) / 255"),
    3: SAYS + toy.forward("return super().forward(x[:, [2, 1, 0]])"),
    4: SAYS + "raise ValueError('no')",
}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "test_demo.py", *map(str, arguments), "--device", "cpu"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def flags(folder: Path, model: str) -> dict[str, str]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return {flag["name"]: flag["reason"] for flag in content[model]["flags"]}


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory, tiny_pairs: Pairs) -> tuple[str, Path]:
    """What was printed, and the folder of results."""
    folder = tmp_path_factory.mktemp("flags")
    repo = toy.write_repo(folder / "repo", BRANCHES)
    done = run(
        "--repo", repo, "--all", "--pairs", *tiny_pairs, "--protocol", "ntire", "--show_output",
        "--save_dir", folder / "out",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return done.stdout, folder / "out"


def records(batch: tuple[str, Path]) -> dict[int, Record]:
    return {int(one.submission.model_id): one for one in store.read_all(batch[1])}


def test_a_wrong_output_range_is_named(batch: tuple[str, Path]) -> None:
    large, small = flags(batch[1], "01_Toy"), flags(batch[1], "02_Toy")
    assert re.match(r"outputs reach \d{5} but data_range is 255.0: values outside", large["output range"])
    expected = r"outputs reach only 0\.\d+ but data_range is 255.0: the images are black"
    assert re.match(expected, small["output range"])
    assert "output range" not in flags(batch[1], "03_Toy")


def test_a_wrong_channel_order_is_below_bicubic(batch: tuple[str, Path]) -> None:
    reason = flags(batch[1], "03_Toy")["below bicubic"]
    assert reason.startswith("valid: PSNR is ") and "the channel order (RGB)" in reason


def test_the_record_has_bicubics_figures(batch: tuple[str, Path], tiny_pairs: Pairs) -> None:
    """The reference of every record, failed ones too, equals what `--images` gives for bicubic images."""
    found = records(batch)
    images = found[3].reference["valid"].images
    assert [image.name for image in images] == ["img0", "img1", "img2"]
    sr = batch[1].parent / "bicubic"
    sr.mkdir()
    for image in images:
        lr = read_rgb(tiny_pairs[1] / f"{image.name}x4.png")
        write_png(sr / f"{image.name}.png", imresize(lr, 4))
    done = run("--images", sr, "--pairs", *tiny_pairs, "--save_dir", batch[1].parent / "own")
    assert done.returncode == 0
    (own,) = store.read_all(batch[1].parent / "own")
    assert [image.metrics["psnr"] for image in images] == [
        image.metrics["psnr"] for image in own.modes["valid"].images
    ]
    assert own.reference == found[3].reference and not own.flags


def test_what_a_submission_prints_is_kept_and_shown(batch: tuple[str, Path]) -> None:
    for number in (3, 4):
        assert records(batch)[number].output[:2] == ["hello \ufffd[31m from", "inside"]
    assert records(batch)[1].output == []
    printed = batch[0].splitlines()
    assert "03_Toy: printed: hello \ufffd[31m from" in printed and "01_Toy: printed: (nothing)" in printed
    assert any(line.startswith("04_") and "failed: loading: " in line for line in printed)


def test_the_place_in_the_batch_is_printed(batch: tuple[str, Path]) -> None:
    lines = [line for line in batch[0].splitlines() if " of 4" in line]
    assert lines[0].endswith(": 1 of 4") and len(lines) == 4
    assert all(", about " in line and line.endswith(" left") for line in lines[1:])
    assert any("(starting a process for its network)" in line for line in batch[0].splitlines())


def test_images_that_are_the_hr_images_are_named(tmp_path: Path, tiny_pairs: Pairs) -> None:
    hr, lr = tiny_pairs
    sr = tmp_path / "copied"
    sr.mkdir()
    for number in range(3):
        image = cv2.imread(str(hr / f"img{number}.png"))
        image[5, 5] ^= number  # the first one stays equal
        cv2.imwrite(str(sr / f"img{number}.png"), image)
    assert run("--images", sr, "--pairs", hr, lr, "--save_dir", tmp_path / "out").returncode == 0
    reason = flags(tmp_path / "out", "copied")["equal to HR"]
    assert reason.startswith("valid: 1 of 3 images equal their HR images exactly (such as img0)")
