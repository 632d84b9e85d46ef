"""`python -m data.prepare`: files made, exit statuses, messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.bicubic import imresize
from data.images import modcrop, read_rgb
from data.pairs import pair_folders
from data.prepare import LrJob, main

RNG = np.random.default_rng(0)


@pytest.fixture
def hr_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "HR"
    folder.mkdir()
    for name, shape in (("a.png", (33, 46, 3)), ("b.bmp", (40, 24, 3)), ("grey.png", (24, 24))):
        cv2.imwrite(str(folder / name), RNG.integers(0, 256, shape, np.uint8))
    return folder


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_makes_a_folder_that_pairs(hr_dir: Path, tmp_path: Path, scale: int) -> None:
    lr_dir = tmp_path / "new" / "LR"
    assert main(["bicubic", str(hr_dir), str(lr_dir), "--scale", str(scale), "--workers", "1"]) == 0
    assert sorted(path.name for path in lr_dir.iterdir()) == [
        f"{name}x{scale}.png" for name in ("a", "b", "grey")
    ]
    for pair in pair_folders(hr_dir, lr_dir, scale):
        assert np.array_equal(read_rgb(pair.lr), imresize(modcrop(read_rgb(pair.hr), scale), 1 / scale))


def test_command_line_makes_set5(shared: Path, tmp_path: Path) -> None:
    set5 = shared / "images" / "Set5"
    command = [
        sys.executable,
        "-m",
        "data.prepare",
        "bicubic",
        str(set5 / "HR"),
        str(tmp_path / "LR"),
        "--scale",
        "4",
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert f"5 of 5 images made in {tmp_path / 'LR'}" in result.stdout
    for path in (set5 / "LR").iterdir():
        assert np.array_equal(read_rgb(path), read_rgb(tmp_path / "LR" / path.name))


def test_older_border(hr_dir: Path, tmp_path: Path) -> None:
    assert (
        main(["bicubic", str(hr_dir), str(tmp_path / "LR"), "--border", "replicate", "--workers", "1"]) == 0
    )
    expected = imresize(modcrop(read_rgb(hr_dir / "a.png"), 4), 1 / 4, "replicate")
    assert np.array_equal(read_rgb(tmp_path / "LR" / "ax4.png"), expected)


def test_failed_images_are_named_and_the_others_made(
    hr_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (hr_dir / "a.png").read_bytes()
    (hr_dir / "cut.png").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(hr_dir / "tiny.png"), np.zeros((3, 9, 3), np.uint8))
    cv2.imwrite(str(hr_dir / "deep.png"), np.zeros((8, 8, 3), np.uint16))
    assert main(["bicubic", str(hr_dir), str(tmp_path / "LR"), "--workers", "2"]) == 1
    said = capsys.readouterr()
    assert "3 of 6 images made" in said.out
    assert "cut.png: it is truncated" in said.err
    assert "tiny.png: smaller than 4x4 pixels" in said.err
    assert "deep.png: it has 16 bits per sample" in said.err
    assert sorted(path.name for path in (tmp_path / "LR").iterdir()) == ["ax4.png", "bx4.png", "greyx4.png"]


def test_usage_errors_exit_with_2_and_one_line(
    hr_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "file").write_text("in the way")
    cases = [
        ([str(tmp_path / "none"), str(tmp_path / "LR")], "none: cannot be listed: No such file or directory"),
        ([str(empty), str(tmp_path / "LR")], "empty: no image in this folder"),
        ([str(hr_dir), str(hr_dir)], "given as HR and as LR folder"),
        ([str(hr_dir), str(tmp_path / "file")], "file: cannot be made: File exists"),
    ]
    for arguments, message in cases:
        assert main(["bicubic", *arguments]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and message in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--scale", "5", "invalid choice: 5"),
        ("--workers", "0", "'0': expected a number from 1 on"),
        ("--workers", "x", "'x': expected a number from 1 on"),
        ("--border", "zero", "invalid choice: 'zero'"),
    ],
)
def test_wrong_options_exit_with_2(
    hr_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bicubic", str(hr_dir), str(tmp_path / "LR"), option, value])
    assert f"argument {option}: {message}" in capsys.readouterr().err


def test_read_only_folder(
    hr_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # os.access answers for the folder: root, as whom tests may run, could write in it whatever its mode is.
    monkeypatch.setattr("os.access", lambda path, _mode: "LR" not in str(path))
    assert main(["bicubic", str(hr_dir), str(tmp_path / "LR")]) == 2
    assert "LR: cannot be written; expected a folder with write permission" in capsys.readouterr().err


def test_a_killed_worker_is_a_failure_not_a_traceback(
    hr_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("data.prepare.make_lr", killed)
    assert main(["bicubic", str(hr_dir), str(tmp_path / "LR"), "--workers", "2"]) == 1
    said = capsys.readouterr()
    assert "0 of 3 images made" in said.out
    assert "a.png: a worker process was killed" in said.err


def killed(_job: LrJob) -> str:
    """Ends as the kernel ends a process that needs too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return ""
