"""Protocols of a figure: the colour spaces' known values, and the explanation of a paper's number."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from data.errors import InputError
from eval import explain
from eval.explanations import quality
from eval.explanations.ssim_windows import SSIM_WINDOWS
from eval.metrics import color, registry


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.fixture(scope="module")
def bicubic(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Set5 enlarged by Pillow's bicubic filter, as many papers' first table row, and its HR folder."""
    hr = shared / "images" / "Set5" / "HR"
    folder = tmp_path_factory.mktemp("bicubic")
    for lr in (shared / "images" / "Set5" / "LR").glob("*.png"):
        image = Image.open(lr).convert("RGB")
        image.resize((image.width * 4, image.height * 4), Image.Resampling.BICUBIC).save(folder / lr.name)
    return folder, hr


@pytest.mark.parametrize(
    ("target", "protocol"),
    [
        ("26.70", "PSNR, RGB uint8, border 0, mean over images"),
        ("27.11", "PSNR, full-range luma not rounded, border 4, mean over images"),
        ("28.42", "PSNR, Y of BT.601 rounded to uint8, border 4, mean over images"),
        ("0.8", "SSIM, Y of BT.601 not rounded, border 0, mean over images"),
    ],
)
def test_the_protocol_of_a_published_number_is_found(
    bicubic: tuple[Path, Path], target: str, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    images, hr = bicubic
    status = explain.main(["--images", str(images), "--hr", str(hr), "--target", target])
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert status == 0 and f"{target} is" in printed
    assert protocol in printed


@pytest.mark.parametrize("window", ["uniform window 7x7", "Gaussian of 13 taps", "zeros beyond the border"])
def test_ssim_of_another_window_is_explained(
    tmp_path: Path, window: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figure of another program, to six digits, names its window; the usual protocols do not give it."""
    hr = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (64, 72, 3), np.uint8), (0, 0), 1.5)
    sr = cv2.blur(hr, (3, 3))
    for name, image in (("sr", sr), ("hr", hr)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), image[..., ::-1])
    one = next(one for one in SSIM_WINDOWS if window in one.title)
    target = f"{one.value(color.rgb_to_y(sr), color.rgb_to_y(hr), 4):.6f}"
    arguments = ["--images", str(tmp_path / "sr"), "--hr", str(tmp_path / "hr"), "--target", target]
    assert explain.main(arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"SSIM, Y of BT.601 rounded to uint8, border 4, mean over images, {one.title}" in printed


# Known answers: the value tells network, version and input range apart.
LPIPS = """
class Metric:
    def __init__(self, net, version):
        self.base = {"alex": 0.1, "vgg": 0.2, "squeeze": 0.3}[net] + (0.05 if version == "0.0" else 0)

    def __call__(self, sr, hr, normalize):
        class Value:
            def __init__(self, value):
                self.item = lambda: value
        return Value(self.base + (0 if normalize else 0.01 if sr.max() <= 1 else 0.02))


def create_metric(name, net, version, device):
    if net == "squeeze":
        raise OSError("no network")
    return Metric(net, version)
"""


@pytest.mark.parametrize(
    ("target", "variant"),
    [
        ("0.10", "LPIPS, alex, version 0.1, range -1 to 1"),
        ("0.21", "LPIPS, vgg, version 0.1, range 0 to 1, not scaled"),
        ("0.17", "LPIPS, alex, version 0.0, range 0 to 255, not scaled"),
    ],
)
def test_lpips_is_explained_by_network_version_and_range(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    target: str,
    variant: str,
) -> None:
    (tmp_path / "pyiqa.py").write_text(LPIPS)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "hr").mkdir()
    cv2.imwrite(str(tmp_path / "hr" / "a.png"), np.full((32, 32, 3), 255, np.uint8))
    folder = str(tmp_path / "hr")
    assert explain.main(["--images", folder, "--hr", folder, "--target", target, "--metric", "lpips"]) == 0
    assert variant in capsys.readouterr().out


def test_lpips_without_its_package_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyiqa.py").write_text("raise ModuleNotFoundError(name='pyiqa')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "hr").mkdir()
    cv2.imwrite(str(tmp_path / "hr" / "a.png"), np.zeros((32, 32, 3), np.uint8))
    folder = str(tmp_path / "hr")
    assert explain.main(["--images", folder, "--hr", folder, "--target", "0.1", "--metric", "lpips"]) == 2
    assert "--metric lpips: needs the optional package pyiqa: `pip install" in capsys.readouterr().err


def test_a_number_that_no_protocol_gives_is_said_with_the_nearest(
    bicubic: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    images, hr = bicubic
    assert explain.main(["--images", str(images), "--hr", str(hr), "--target", "31.00"]) == 1
    assert "no protocol gives 31.00; the nearest" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "problem"),
    [("abc", "--target abc: expected a number"), ("-3", "--target -3: expected a number")],
)
def test_a_target_that_is_no_number_is_refused(
    tmp_path: Path, target: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain.main(["--images", str(tmp_path), "--hr", str(tmp_path), f"--target={target}"]) == 2
    assert problem in capsys.readouterr().err


def test_an_image_of_another_size_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, size in (("sr", 40), ("hr", 48)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), np.zeros((size, size, 3), np.uint8))
    arguments = ["--images", str(tmp_path / "sr"), "--hr", str(tmp_path / "hr"), "--target", "30"]
    assert explain.main(arguments) == 2
    assert "a.png: is 40x40, expected 48x48 as a.png" in capsys.readouterr().err


def test_the_precision_of_the_target_decides() -> None:
    found = [quality.Candidate("psnr", "rgb", 0, "images", value) for value in (28.4149, 28.4249, 28.4251)]
    assert [one.value for one in quality.explain(found, "28.42")] == [28.4249]
    assert len(quality.explain(found, "28.4")) == 3


def test_pooled_mean_is_the_psnr_of_all_squared_errors() -> None:
    rng = np.random.default_rng(0)
    images = [
        (rng.integers(0, 256, (size, 40, 3), np.uint8), rng.integers(0, 256, (size, 40, 3), np.uint8))
        for size in (32, 64)
    ]
    found = quality.candidates(images, "psnr")
    pooled = next(c for c in found if (c.colour, c.border, c.mean) == ("rgb", 0, "pooled"))
    errors = np.concatenate([(sr.astype(float) - hr).ravel() for sr, hr in images])
    assert pooled.value == pytest.approx(20 * np.log10(255 / np.sqrt(np.mean(errors**2))), abs=1e-9)


def test_luma_is_opencvs_grey_unrounded_and_y_is_matlabs() -> None:
    image = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert np.abs(color.rgb_to_luma(image) - grey).max() <= 0.51
    white = np.full((1, 1, 3), 255, np.uint8)
    assert color.rgb_to_y_float(white)[0, 0] == pytest.approx(235) and color.rgb_to_y(white)[0, 0] == 235
    assert np.array_equal(color.rgb_to_y(image), color.rgb_to_y_float(image).round().astype(np.uint8))


def test_an_unknown_metric_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown metric 'vmaf' \(there are: psnr, psnr_y, .*ssim, ssim_y"):
        registry.chosen(["vmaf"])


def test_a_challenges_border_is_used() -> None:
    assert [protocol.border for protocol in registry.chosen(["psnr", "ssim_y"], border=2)] == [2, 2]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--target=1e400", "--target 1e400: expected a number above 0 and at most 1000"),
        ("--target=nan", "--target nan: expected a number above 0"),
        ("--scale=0", "--scale 0: expected 1 or more"),
        ("--scale=-4", "--scale -4: expected 1 or more"),
    ],
)
def test_numbers_that_cannot_be_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, message: str
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((32, 32, 3), np.uint8))
    arguments = ["--images", str(tmp_path), "--hr", str(tmp_path), "--target=30", option]
    assert explain.main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"eval.explain: error: {message}")
