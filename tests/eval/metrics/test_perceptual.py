"""Metrics through the optional package: a stand-in for it, its absence, and the real one where it is
installed.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from data.types import Image
from eval import challenge, cli
from eval.failures import SubmissionFailed
from eval.metrics import perceptual
from leaderboard.summary import summarise

Pairs = tuple[Path, Path]

# Known answers: a reference metric is the mean difference, a no-reference metric the mean value; NIQE has no weights.
STAND_IN = """
class Metric:
    def __init__(self, name):
        self.name = name

    def __call__(self, sr, hr=None):
        if self.name == "clipiqa" and sr.max() == 0:
            return sr.mean() * float("nan")
        if self.name == "maniqa" and sr.max() == 0:
            raise ValueError("a constant image")
        if self.name == "gmsd":
            raise ValueError("broken for every image")
        return (sr - hr).abs().mean() if hr is not None else sr.mean()


def create_metric(name, device):
    if name == "niqe":
        raise OSError("no network:\\n cannot fetch niqe_modelparameters.mat")
    return Metric(name)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package `pyiqa` of known behaviour, ahead of a real one."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "pyiqa.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(folder))


def images() -> tuple[Image, Image]:
    hr = np.full((32, 40, 3), 100, np.uint8)
    sr = hr.copy()
    sr[..., 0] += 51
    return sr, hr


@pytest.mark.usefixtures("stand_in")
def test_values_are_those_of_the_package_on_rgb_in_0_to_1() -> None:
    sr, hr = images()
    with perceptual.PerceptualScorer(("lpips", "musiq", "niqe")) as scorer:
        scores = scorer.score(sr, hr)
        missing = scorer.missing
    assert scores == {
        "lpips": pytest.approx(0.2 / 3, abs=1e-6),
        "musiq": pytest.approx((151 + 100 + 100) / 3 / 255, abs=1e-6),
    }
    assert list(missing) == ["niqe"]
    assert "OSError: no network: cannot fetch niqe_modelparameters.mat" in missing["niqe"]
    assert "run once with network" in missing["niqe"]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("name", ["clipiqa", "maniqa"])
def test_an_image_without_a_value_is_its_submissions_failure(name: str) -> None:
    _, hr = images()
    with (
        perceptual.PerceptualScorer((name,)) as scorer,
        pytest.raises(SubmissionFailed, match=f"{name} is nan for it, expected a finite number"),
    ):
        scorer.score(np.zeros_like(hr), hr)


@pytest.mark.usefixtures("stand_in")
def test_a_metric_that_raises_for_hr_too_is_no_submissions_failure() -> None:
    with (
        perceptual.PerceptualScorer(("gmsd",)) as scorer,
        pytest.raises(ValueError, match="broken for every"),
    ):
        scorer.score(*images())


def test_without_metrics_no_process_is_started() -> None:
    with perceptual.PerceptualScorer(()) as scorer:
        assert scorer.score(*images()) == {} and scorer.missing == {}


def test_absent_package_is_named_for_each_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyiqa.py").write_text("raise ModuleNotFoundError(name='pyiqa')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with perceptual.PerceptualScorer(("lpips", "niqe")) as scorer:
        assert scorer.score(*images()) == {}
        assert scorer.missing == dict.fromkeys(
            ("lpips", "niqe"),
            "needs the optional package pyiqa: `pip install -r requirements-perceptual.txt`",
        )


@pytest.mark.usefixtures("stand_in")
def test_challenge_with_perceptual_metrics_names_what_is_missing(tiny_pairs: Pairs, tmp_path: Path) -> None:
    team = tmp_path / "team"
    team.mkdir()
    for path in tiny_pairs[0].glob("*.png"):
        image = cv2.imread(str(path))
        assert image is not None
        cv2.imwrite(str(team / path.name), 255 - image)
    arguments = ["--images", team, "--hr", tiny_pairs[0], "--challenge", "imagesr2026"]
    status = cli.main(summarise, [str(one) for one in [*arguments, "--save_dir", tmp_path / "out"]])
    entry: dict[str, Any] = json.loads((tmp_path / "out" / "results.json").read_text())["team"]
    assert status == 0
    assert {key for key in entry if key.startswith("valid_ave_")} >= {
        f"valid_ave_{name}"
        for name in ("psnr_y_float", "psnr", "lpips", "dists", "clipiqa", "maniqa", "musiq")
    }
    assert "valid_ave_niqe" not in entry
    assert [flag["name"] for flag in entry["flags"]] == ["metric missing"]
    assert entry["flags"][0]["reason"].startswith("niqe: ")


def test_the_score_of_the_perceptual_track_is_the_published_formula() -> None:
    values = {"lpips": 0.2, "dists": 0.1, "clipiqa": 0.7, "maniqa": 0.5, "musiq": 65.0, "niqe": 4.0}
    expected = (1 - 0.2) + (1 - 0.1) + 0.7 + 0.5 + 65 / 100 + max(0, (10 - 4) / 10)
    for year in (2025, 2026):
        rule = challenge.load(f"imagesr{year}").ranking
        assert isinstance(rule, challenge.MetricRanking)
        (track,) = rule.tracks
        assert {term.metric for term in track.terms} == set(values)
        score = sum(
            max(
                one.weight * (one.offset + one.factor * values[one.metric]),
                -np.inf if one.floor is None else one.floor,
            )
            for one in track.terms
        )
        assert score == pytest.approx(expected)
        assert [term.metric for term in rule.terms] == ["psnr_y_float"]


@pytest.mark.skipif(importlib.util.find_spec("pyiqa") is None, reason="needs the optional package pyiqa")
def test_real_metrics_that_need_no_download() -> None:
    rng = np.random.default_rng(0)
    hr = np.asarray(cv2.GaussianBlur(rng.integers(0, 256, (256, 256, 3), np.uint8), (0, 0), 3), np.uint8)
    sr = np.clip(hr.astype(int) + rng.integers(-9, 10, hr.shape), 0, 255).astype(np.uint8)
    names = ("gmsd", "ms_ssim")  # they need no weights
    with perceptual.PerceptualScorer(names) as scorer:
        assert scorer.missing == {}
        same, noisy = scorer.score(hr, hr), scorer.score(sr, hr)
    assert same["gmsd"] == pytest.approx(0, abs=1e-6) and same["ms_ssim"] == pytest.approx(1, abs=1e-6)
    assert noisy["gmsd"] > 0.01 and noisy["ms_ssim"] < 0.999
