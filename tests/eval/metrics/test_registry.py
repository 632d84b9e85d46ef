"""PSNR and SSIM against independent references: scikit-image, a plain convolution, and the official functions.

The last need a checkout of Amazingren/NTIRE2024_ESR: set OFFICIAL_ESR to its path.
"""

from __future__ import annotations

import doctest
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data.bicubic import imresize
from data.errors import InputError
from data.images import Image, modcrop, read_rgb
from data.pairs import pair_folders
from eval.metrics import border, color, metric, registry
from eval.metrics.color import CONVERSIONS, rgb_to_y
from eval.metrics.metric import Metric
from eval.metrics.psnr import psnr
from eval.metrics.registry import METRICS, chosen, measure
from eval.metrics.ssim import ssim
from tests.conftest import ROOT
from tests.test_structure import product

# The packages' attributes of these names are the modules: functions are imported above under the same names.
psnr_module, ssim_module = sys.modules[psnr.__module__], sys.modules[ssim.__module__]
COMPUTED = [metric for metric in METRICS.values() if metric.function]

SHAPES = [(19, 19), (20, 23), (83, 19), (19, 140), (96, 128), (75, 522), (150, 535)]


def pair(height: int, width: int, seed: int = 0) -> tuple[Image, Image]:
    """A smooth picture and the same with noise: SR and HR as a model might give them."""
    rng = np.random.default_rng(seed)
    hr = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 1.5)
    sr = np.clip(hr.astype(int) + rng.integers(-8, 9, hr.shape), 0, 255)
    return sr.astype(np.uint8), hr.astype(np.uint8)


def plain_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. (2004), equations 13 to 16, with a window shifted over the picture; x, y: height x width."""
    grid = np.arange(11) - 5
    window = np.exp(-(grid[:, None] ** 2 + grid[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    patches_x = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (11, 11))
    patches_y = np.lib.stride_tricks.sliding_window_view(y.astype(np.float64), (11, 11))

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("hwij,ij->hw", values, window)

    mu_x, mu_y = mean(patches_x), mean(patches_y)
    centred_x, centred_y = patches_x - mu_x[..., None, None], patches_y - mu_y[..., None, None]
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance_contrast = (2 * mu_x * mu_y + c1) * (2 * mean(centred_x * centred_y) + c2)
    return float(
        (luminance_contrast / ((mu_x**2 + mu_y**2 + c1) * (mean(centred_x**2 + centred_y**2) + c2))).mean()
    )


@pytest.mark.parametrize("shape", SHAPES[:5])
def test_ssim_equals_a_plain_convolution(shape: tuple[int, int]) -> None:
    sr, hr = pair(*shape)
    expected = np.mean([plain_ssim(sr[4:-4, 4:-4, c], hr[4:-4, 4:-4, c]) for c in range(3)])
    assert ssim(sr, hr) == pytest.approx(expected, abs=1e-11)
    assert ssim(sr[..., 0], hr[..., 0]) == pytest.approx(
        plain_ssim(sr[4:-4, 4:-4, 0], hr[4:-4, 4:-4, 0]), abs=1e-11
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_ssim_equals_scikit_image(shape: tuple[int, int]) -> None:
    reference = pytest.importorskip("skimage.metrics").structural_similarity
    sr, hr = pair(*shape)
    cut = (slice(4, -4), slice(4, -4))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255.0}
    _, full = reference(
        sr[cut].astype(float), hr[cut].astype(float), channel_axis=2, full=True, truncate=3.5, **options
    )
    assert ssim(sr, hr) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-10)


@pytest.mark.parametrize("border", [0, 1, 4, 7])
def test_psnr_equals_scikit_image(border: int) -> None:
    reference = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    sr, hr = pair(40, 50)
    cut = (slice(border, 40 - border), slice(border, 50 - border))
    assert psnr(sr, hr, border) == pytest.approx(reference(hr[cut], sr[cut], data_range=255), abs=1e-12)


def test_psnr_of_known_errors() -> None:
    hr = np.full((16, 16, 3), 100, np.uint8)
    assert psnr(hr + np.uint8(1), hr) == pytest.approx(20 * math.log10(255), abs=1e-12)
    assert psnr(np.full_like(hr, 255), np.zeros_like(hr)) == 0
    one = hr.copy()
    one[8, 8, 1] += 12
    assert psnr(one, hr) == pytest.approx(10 * math.log10(255**2 / (144 / (8 * 8 * 3))), abs=1e-12)


def test_pixels_in_the_border_do_not_count() -> None:
    sr, hr = pair(40, 40)
    changed = sr.copy()
    changed[:4] = changed[-4:] = 0
    changed[:, :4] = changed[:, -4:] = 255
    assert psnr(changed, hr) == psnr(sr, hr)
    assert ssim(changed, hr) == ssim(sr, hr)
    assert psnr(changed, hr, 3) < psnr(sr, hr, 3)


def test_equal_images_have_infinite_psnr_and_ssim_1() -> None:
    _, hr = pair(64, 64)
    figures = measure(hr.copy(), hr, COMPUTED)
    for name, value in figures.items():
        assert value == (math.inf if METRICS[name].kind == "psnr" else pytest.approx(1.0, abs=1e-12))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bounds_and_symmetry(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(19, 40)), data.draw(st.integers(19, 40)), 3)
    sr, hr = (data.draw(hnp.arrays(np.uint8, shape)) for _ in range(2))
    assert -1 - 1e-9 <= ssim(sr, hr) <= 1 + 1e-9
    assert ssim(sr, hr) == pytest.approx(ssim(hr, sr), abs=1e-12)
    assert psnr(sr, hr) == psnr(hr, sr) >= 0


def test_values_do_not_depend_on_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    sr, hr = pair(90, 110)
    whole = ssim(sr, hr)
    monkeypatch.setattr("eval.metrics.ssim_map.TILE_ROWS", 7)
    monkeypatch.setattr("eval.metrics.ssim_map.TILE_COLUMNS", 13)
    assert ssim(sr, hr) == pytest.approx(whole, abs=1e-12)


def test_inputs_are_not_modified_and_views_are_accepted() -> None:
    sr, hr = pair(64, 80)
    before = sr.copy(), hr.copy()
    figures = measure(sr, hr, COMPUTED)
    assert np.array_equal(sr, before[0]) and np.array_equal(hr, before[1])
    sr.flags.writeable = hr.flags.writeable = False
    assert measure(sr, hr, COMPUTED) == figures
    flipped = measure(sr[::-1, ::-1], hr[::-1, ::-1], COMPUTED)
    assert flipped == pytest.approx(figures, abs=1e-9)


def test_y_of_known_colours() -> None:
    # MATLAB: rgb2ycbcr(uint8(cat(3, R, G, B))), first channel
    colours = {(0, 0, 0): 16, (255, 255, 255): 235, (255, 0, 0): 81, (0, 255, 0): 145, (0, 0, 255): 41}
    image = np.array([list(colours)], np.uint8)
    assert rgb_to_y(image).tolist() == [list(colours.values())]
    assert rgb_to_y(image).dtype == np.uint8


def test_score_names_every_protocol_and_agrees_with_the_functions() -> None:
    sr, hr = pair(64, 80)
    figures = measure(sr, hr, chosen(["psnr", "ssim", "psnr_y", "ssim_y"]))
    expected = {
        "psnr": psnr(sr, hr),
        "ssim": ssim(sr, hr),
        "psnr_y": psnr(rgb_to_y(sr), rgb_to_y(hr)),
        "ssim_y": ssim(rgb_to_y(sr), rgb_to_y(hr)),
    }
    assert figures == expected
    assert measure(sr, hr, [Metric("near", "psnr", "PSNR", psnr, border=0)]) == {"near": psnr(sr, hr, 0)}
    assert measure(sr, hr, []) == {}


def test_score_converts_colours_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def convert(image: Image) -> Image:
        calls.append(1)
        return rgb_to_y(image)

    monkeypatch.setitem(CONVERSIONS, "y", convert)
    measure(*pair(32, 32), chosen(["psnr_y", "ssim_y"]))
    assert len(calls) == 2


def test_one_protocol_differs_from_the_next() -> None:
    figures = measure(*pair(64, 64), chosen(["psnr", "psnr_y"]))
    assert figures["psnr_y"] > figures["psnr"] + 0.5
    assert METRICS["psnr_y"].protocol == "PSNR, Y of BT.601 rounded to uint8, border 4, mean over images"


def test_unknown_metric_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"unknown metric 'pnsr' \(there are: psnr, psnr_y, .*ssim, ssim_y"):
        chosen(["pnsr"])


@pytest.mark.parametrize("function", [psnr, ssim])
def test_wrong_input_is_refused(function: Callable[..., float]) -> None:
    sr, hr = pair(32, 40)
    with pytest.raises(
        InputError, match=r"SR image is uint8 \(31, 40, 3\), HR image uint8 \(32, 40, 3\); expected"
    ):
        function(sr[1:], hr)
    with pytest.raises(InputError, match="expected the same size and type"):
        function(sr[..., 0], hr)
    with pytest.raises(
        InputError, match=r"SR image: expected uint8, height x width \(x channels\), found float32"
    ):
        function(sr.astype(np.float32), hr)
    with pytest.raises(InputError, match=r"HR image: expected uint8, .* found uint8 \(1, 32, 40, 3\)"):
        function(sr, hr[None])
    with pytest.raises(InputError, match="border is -1; expected 0 or more pixels"):
        function(sr, hr, -1)
    with pytest.raises(InputError, match=r"image of 8x8: expected .* or more inside a border of 4"):
        function(sr[:8, :8], hr[:8, :8])


def test_smallest_image_for_ssim() -> None:
    sr, hr = pair(19, 30)
    assert ssim(sr, hr) > 0
    with pytest.raises(InputError, match="image of 30x18: expected 11x11 or more inside a border of 4"):
        ssim(sr[:18], hr[:18])


def test_y_needs_rgb() -> None:
    with pytest.raises(InputError, match="expected a uint8 image of height x width x 3, found uint8"):
        rgb_to_y(np.zeros((8, 8), np.uint8))


@pytest.fixture(scope="module")
def official() -> ModuleType:
    path = os.environ.get("OFFICIAL_ESR")
    if not path:
        pytest.skip("OFFICIAL_ESR does not name a checkout of Amazingren/NTIRE2024_ESR")
    from bench.scoring import official_tools

    return official_tools(Path(path))


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_to_the_official_functions(official: ModuleType, shape: tuple[int, int]) -> None:
    sr, hr = pair(*shape)
    luma = official.rgb2ycbcr(sr), official.rgb2ycbcr(hr)
    assert np.array_equal(luma[0], rgb_to_y(sr))
    expected = {
        "psnr": official.calculate_psnr(sr, hr, border=4),
        "ssim": official.calculate_ssim(sr, hr, border=4),
        "psnr_y": official.calculate_psnr(*luma, border=4),
        "ssim_y": official.calculate_ssim(*luma, border=4),
    }
    assert measure(sr, hr, chosen(list(expected))) == pytest.approx(expected, abs=1e-9)


def test_published_bicubic_figures_on_set5(shared: Path) -> None:
    # 28.42 dB on Y is what papers since SRCNN (Dong et al. 2014, table 1: bicubic, x4) print for MATLAB's bicubic.
    pairs = pair_folders(shared / "images" / "Set5" / "HR", shared / "images" / "Set5" / "LR")
    figures = [
        measure(imresize(read_rgb(pair.lr), 4), modcrop(read_rgb(pair.hr), 4), chosen(["psnr", "psnr_y"]))
        for pair in pairs
    ]
    assert round(float(np.mean([one["psnr_y"] for one in figures])), 2) == 28.42
    assert round(float(np.mean([one["psnr"] for one in figures])), 2) == 26.69


TOY = """
from eval.metrics.metric import Metric

TOY_METRICS = (Metric("toy", "toy", "Toy", lambda sr, hr, border: 0.25, decimals=3, higher_is_better=False),)
"""


def test_a_new_metric_is_one_file_and_one_line(tmp_path: Path) -> None:
    """A copy of the project with a file and a line more computes, ranks by and shows a toy metric."""
    copy = tmp_path / "project"
    copied = ("eval", "data", "leaderboard", "models", "model_zoo", "test_demo.py")
    for name in copied:
        source = ROOT / name
        skipped = shutil.ignore_patterns("__pycache__", "*.pth")
        shutil.copytree(source, copy / name, ignore=skipped) if source.is_dir() else shutil.copy(source, copy)
    (copy / "eval" / "metrics" / "toy.py").write_text(TOY)
    table = copy / "eval" / "metrics" / "registry.py"
    text = table.read_text()
    line = "        *PSNR_METRICS,\n"
    assert text.count(line) == 1
    table.write_text(
        text.replace(line, f"{line}        *__import__('eval.metrics.toy').metrics.toy.TOY_METRICS,\n")
    )
    code = """
import numpy as np
from eval.challenge import Challenge
from eval.metrics.registry import chosen, measure
from eval.records.schema import ImageResult, ModeResult, Record, SubmissionInfo
from leaderboard import tables
from leaderboard.ranking import rank

image = np.zeros((8, 8, 3), np.uint8)
print(measure(image, image, chosen(["toy"], 4)), chosen(["toy"])[0].protocol)

rule = {"kind": "metric", "mode": "test", "terms": [{"metric": "toy", "factor": -1.0}]}
rules = {"name": "own", "title": "Own", "year": 2026, "metrics": ["toy"], "ranking": rule, "sources": ["here"]}
records = [
    Record(
        challenge="own",
        submission=SubmissionInfo(model=model),
        status="ok",
        modes={"test": ModeResult(images=[ImageResult(name="a", metrics={"toy": value})])},
    )
    for model, value in (("01_A", 0.5), ("02_B", 0.25))
]
print(tables.to_markdown(rank(records, Challenge.model_validate(rules))))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "{'toy': 0.25} TOY, RGB uint8, border 4, mean over images"
    assert any(line.startswith("| Rank | Model | Test Toy |") for line in lines)
    assert any(line.startswith("| 1 | 02\\_B | **0.250** |") for line in lines)


def test_the_table_loads_without_torch_and_quickly() -> None:
    code = "import sys, eval.metrics.registry; print([m for m in ('torch', 'pandas', 'pyiqa') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_metric_is_described() -> None:
    for name, one in METRICS.items():
        assert one.name == name and one.title and one.protocol.endswith("mean over images")
        assert one.heading == (f"{one.title} [dB]" if one.kind == "psnr" else one.title)
    protocols = [one.protocol for one in METRICS.values()]
    assert len(set(protocols)) == len(protocols)
    assert len({one.title for one in METRICS.values()}) == len(METRICS)
    assert (METRICS["psnr"].amount(26.9), METRICS["ssim"].amount(0.77)) == ("26.90 dB", "0.7700")


def test_no_code_guesses_a_metric_from_its_name() -> None:
    guess = re.compile(r"""(startswith|endswith)\(\W*(psnr|ssim)|["'](psnr|ssim)["'] (not )?in """)
    for path in product():
        assert not guess.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("module", [border, color, metric, psnr_module, registry, ssim_module], ids=str)
def test_examples_in_docstrings_are_right(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
