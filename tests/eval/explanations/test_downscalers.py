"""The program that made LR images is named: by files of the programs themselves, on real photographs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import interpolate

from data.bicubic import imresize
from eval import explain
from eval.explanations.downscalers import METHODS, made_by
from tests.conftest import ROOT

Pixels = NDArray[np.uint8]


def by_torch(mode: str, **how: bool) -> Callable[[Pixels], Pixels]:
    def down(hr: Pixels) -> Pixels:
        image = torch.from_numpy(hr).permute(2, 0, 1)[None].double()
        small = interpolate(image, scale_factor=0.25, mode=mode, **how)[0].permute(1, 2, 0)
        return small.round().clamp(0, 255).byte().numpy()

    return down


def by_pillow(method: Image.Resampling) -> Callable[[Pixels], Pixels]:
    return lambda hr: np.asarray(Image.fromarray(hr).resize((hr.shape[1] // 4, hr.shape[0] // 4), method))


def by_cv2(method: int) -> Callable[[Pixels], Pixels]:
    return lambda hr: np.asarray(cv2.resize(hr, None, fx=0.25, fy=0.25, interpolation=method))


MAKERS: dict[str, Callable[[Pixels], Pixels]] = {
    "MATLAB's imresize in floating point, as Python ports": lambda hr: np.clip(
        np.round(imresize(hr / 255, 1 / 4) * 255), 0, 255
    ).astype(np.uint8),
    "OpenCV INTER_CUBIC": by_cv2(cv2.INTER_CUBIC),
    "OpenCV INTER_LANCZOS4": by_cv2(cv2.INTER_LANCZOS4),
    "OpenCV INTER_NEAREST": by_cv2(cv2.INTER_NEAREST),
    "Pillow BICUBIC": by_pillow(Image.Resampling.BICUBIC),
    "Pillow LANCZOS": by_pillow(Image.Resampling.LANCZOS),
    "Pillow HAMMING": by_pillow(Image.Resampling.HAMMING),
    "torch bicubic": by_torch("bicubic"),
    "torch bicubic, antialias": by_torch("bicubic", antialias=True),
    "torch bicubic, align_corners": by_torch("bicubic", align_corners=True),
    "torch bilinear, antialias": by_torch("bilinear", antialias=True),
    "torch area": by_torch("area"),
}


# Equal at factor 4, where weights and positions are the same
SAME = ({"OpenCV INTER_CUBIC", "torch bicubic"}, {"OpenCV INTER_AREA", "torch area"})


@pytest.fixture(scope="module")
def photograph() -> Pixels:
    y, x = np.mgrid[0:160, 0:200]
    waves = 90 * np.sin(x * y / 900) + 60 * np.cos(x / 3) * np.sin(y / 4)
    noise = np.random.default_rng(0).normal(0, 12, (160, 200, 3))
    return np.clip(128 + waves[..., None] * [1, 0.8, 0.6] + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", MAKERS)
def test_the_program_is_named(name: str, photograph: Pixels) -> None:
    found = made_by([(MAKERS[name](photograph), photograph)], 4)
    equal = {one.method: one.equal for one in found if one.shift == (0, 0)}
    assert equal[name] == found[0].equal >= 0.999
    others = {one for one in equal if equal[one] == equal[name]}
    assert len(others) == 1 or others == next(same for same in SAME if name in same)


def test_matlabs_own_files_are_recognised(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared / "images" / "Set5"
    assert explain.main(["--lr", str(folder / "LR"), "--hr", str(folder / "HR")]) == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "5 LR images: made by" in printed and "100.00%" in printed
    assert "MATLAB's imresize on uint8, rounded after each pass" in printed


@pytest.mark.parametrize("shift", [(1, 0), (0, -2), (2, 2)])
def test_a_shift_is_told_in_hr_pixels(shift: tuple[int, int], photograph: Pixels) -> None:
    moved = np.roll(photograph, shift, (0, 1))
    best = made_by([(imresize(moved, 1 / 4), photograph)], 4)[0]
    assert (best.method, best.shift) == ("MATLAB's imresize on uint8, rounded after each pass", shift)
    down, right = shift
    assert best.shown_shift == f"{down} HR pixels down, {right} to the right"


def test_fractions_that_were_cut_off_are_told(photograph: Pixels) -> None:
    lr = imresize(photograph.astype(np.float64), 1 / 4).clip(0, 255).astype(np.uint8)
    assert made_by([(lr, photograph)], 4)[0].method.endswith("as Python ports, fractions cut off")


def test_an_unknown_program_is_said_with_the_nearest(
    tmp_path: Path, photograph: Pixels, capsys: pytest.CaptureFixture[str]
) -> None:
    blurred = cv2.GaussianBlur(photograph, (0, 0), 1.6)[::4, ::4]
    for name, image in (("hr", photograph), ("lr", blurred)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), image[..., ::-1])
    assert explain.main(["--lr", str(tmp_path / "lr"), "--hr", str(tmp_path / "hr")]) == 1
    assert "no known program made the 1 LR image; the nearest" in capsys.readouterr().out


def test_every_method_is_tried(photograph: Pixels) -> None:
    lr = imresize(photograph, 1 / 4)
    assert {one.method for one in made_by([(lr, photograph)], 4)} == set(METHODS)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--lr", "a", "--hr", "b", "--scale", "5"], "--scale 5: expected one of 2, 3, 4, 8 with --lr"),
        (["--lr", "a", "--hr", "b", "--target", "3"], "--target: a figure of SR images"),
        (["--images", "a", "--hr", "b"], "--images: needs --target NUMBER"),
        (["--hr", "b"], "one of the arguments --images --lr is required"),
        (["--lr", "absent", "--hr", "absent"], "absent"),
    ],
)
def test_wrong_use_is_status_2(arguments: list[str], problem: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eval.explain", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and problem in done.stderr and "Traceback" not in done.stderr
