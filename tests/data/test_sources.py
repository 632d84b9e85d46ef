"""Where the images of a data set are looked for, and the command that says what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data import sources
from data.errors import InputError
from data.images import write_png
from data.sources import list_images
from tests.conftest import ROOT


def images(folder: Path, *names: str, size: int = 8) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(folder / name, np.zeros((size, size, 3), np.uint8))


def keys(folder: Path, *names: str, scale: int = 4) -> list[str]:
    return [image.key for image in list_images(folder, names, scale)]


def test_named_sets_and_folder_ranges(tmp_path: Path) -> None:
    images(tmp_path, *(f"LSDIR/HR/000{n}000/x.png" for n in (1, 2, 3)), "DIV2K/DIV2K_train_HR/x.png")
    selected = ["DIV2K/x.png", "LSDIR/0001000/x.png", "LSDIR/0002000/x.png"]
    assert keys(tmp_path, "DIV2K", "LSDIR:0001000-0002000") == selected
    assert keys(tmp_path, "DIV2K", "LSDIR:0001000-0002000", "LSDIR:0002000-0002000") == selected
    assert len(keys(tmp_path, "LSDIR")) == 3


@pytest.mark.parametrize(
    ("hr", "lr"),
    [
        ("LSDIR/HR/train", "LSDIR/X4/train"),
        ("LSDIR/HR", "LSDIR/X4"),
        ("LSDIR/train", "LSDIR/X4/train"),
        ("LSDIR", "LSDIR/X4"),
        ("HR/train", "X4/train"),
        (".", "X4"),
        ("LSDIR/shard-00", "LSDIR/X4/train"),
        ("shard-00/train", "X4"),
        ("LSDIR/HR/shard-00", "LSDIR/X4"),
    ],
)
def test_lsdir_is_found_as_published_and_as_unpacked(tmp_path: Path, hr: str, lr: str) -> None:
    images(tmp_path, f"{hr}/0001000/0000001.png")
    images(tmp_path, f"{hr.replace('-00', '-01')}/0002000/0001001.png")
    assert keys(tmp_path, "LSDIR") == ["LSDIR/0001000/0000001.png", "LSDIR/0002000/0001001.png"]
    assert list_images(tmp_path, ("LSDIR",))[0].lr is None
    images(tmp_path, f"{lr}/0001000/0000001x4.png", f"{lr}/0002000/0001001x4.png", size=2)
    first, second = list_images(tmp_path, ("LSDIR",))
    assert first.lr == tmp_path / lr / "0001000/0000001x4.png"
    assert second.key == "LSDIR/0002000/0001001.png" and second.lr is not None


def test_shards_that_are_not_unpacked_are_named(tmp_path: Path) -> None:
    images(tmp_path, "DIV2K/DIV2K_train_HR/x.png")
    (tmp_path / "LSDIR").mkdir()
    (tmp_path / "LSDIR" / "shard-00.tar.gz").write_bytes(b"x")
    with pytest.raises(
        InputError, match=r"no images of LSDIR, but archives shard\*\.tar\*; unpack them first"
    ):
        list_images(tmp_path, ("LSDIR",))


@pytest.mark.parametrize("top", ["DIV2K/", ""])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_stored_lr_images_are_those_of_the_scale(tmp_path: Path, top: str, scale: int) -> None:
    images(tmp_path, f"{top}DIV2K_train_HR/0001.png")
    low = f"{top}DIV2K_train_LR_bicubic/X{scale}/0001x{scale}.png"
    images(tmp_path, low)
    (image,) = list_images(tmp_path, ("DIV2K",), scale)
    assert (image.key, image.lr) == ("DIV2K/0001.png", tmp_path / low)
    assert list_images(tmp_path, ("DIV2K",), 8)[0].lr is None


def test_a_missing_lr_image_is_named(tmp_path: Path) -> None:
    images(tmp_path, "HR/a.png", "LR/bx4.png")
    with pytest.raises(InputError, match=r"ax4\.png: no such file; expected the LR image of .*a\.png"):
        list_images(tmp_path, ())


def test_missing_sets_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data set Flickr2K comes from https://cv\.snu\.ac\.kr"):
        list_images(tmp_path, ("Flickr2K",))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data.sources", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_the_command_helps_and_lists_the_data_sets() -> None:
    done = run("--help")
    assert done.returncode == 0 and "--data" in done.stdout and "default: 4" in done.stdout
    done = run()
    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["DIV2K", "Flickr2K", "LSDIR"]
    assert "https://data.vision.ee.ethz.ch/cvl/DIV2K/ (academic research only)" in done.stdout


def test_the_command_says_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images(tmp_path / "sets", "LSDIR/HR/0001000/1.png", "LSDIR/X4/0001000/1x4.png")
    assert sources.main([str(tmp_path / "sets"), "--data", "DIV2K", "LSDIR:0001000-0002000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "DIV2K_train_HR: no images there; data set DIV2K comes from" in lines[0]
    assert lines[1:] == [
        "LSDIR:0001000-0002000: 1 images, 1 with a stored LR image",
        "data set LSDIR:0001000-0002000: 1 of 2000 images are there",
    ]
    images(tmp_path / "plain", "a.png", "b.png")
    assert sources.main([str(tmp_path / "plain")]) == 0
    assert "a plain folder, which stands for every data set: 2 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"), [(["none"], "none: no such folder"), (["--data", "X"], "'X': unknown")]
)
def test_wrong_input_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert sources.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and message in said and said.count("\n") == 1
