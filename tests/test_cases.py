"""Inputs that once gave a wrong or unhelpful result, each judged from its files by the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eval.records import store
from eval.worker.counters.counting import count
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
GIGA = 1e9
# The network's two convolutions on 256x256, which several cases share.
PLAIN_MACS = 65536 * (27 * 16 + 16 * 48 * 9)


@pytest.fixture(scope="module")
def cases(shared: Path) -> Path:
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@dataclass(frozen=True)
class Judged:
    """What the main command left."""

    status: int
    output: str
    records: list[Any]

    @property
    def psnr(self) -> float:
        (record,) = self.records
        value = record.modes["valid"].mean("psnr")
        assert value is not None
        return float(value)

    @property
    def flops_g(self) -> float:
        (record,) = self.records
        return float(record.complexity.flops_g)

    def reason(self, model_id: str) -> str:
        """Why this submission failed."""
        (found,) = [one.error for one in self.records if one.submission.model_id == model_id]
        return str(found)


def judge(folder: Path, *arguments: object) -> Judged:
    out = folder / "results"
    command = [
        sys.executable,
        "test_demo.py",
        *map(str, arguments),
        "--device",
        "cpu",
        "--save_dir",
        str(out),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert "Traceback" not in done.stderr
    records = store.read_all(out) if (out / "records").is_dir() else []
    return Judged(done.returncode, done.stdout + done.stderr, records)


def pair(cases: Path) -> tuple[object, ...]:
    return "--pairs", cases / "pair" / "HR", cases / "pair" / "LR", "--protocol", "ntire"


def judge_models(case: Path, cases: Path, folder: Path, *more: object) -> Judged:
    """All manifests of a case, with its checkpoints where a team puts them."""
    models, zoo = folder / "models", folder / "model_zoo"
    shutil.copytree(case / "models" if (case / "models").is_dir() else case, models)
    zoo.mkdir()
    for suffix in ("*.pth", "*.ckpt"):
        for checkpoint in case.rglob(suffix):
            shutil.copy(checkpoint, zoo)
    return judge(folder, "--models", models, "--all", *(more or pair(cases)))


@pytest.mark.parametrize(
    ("hr", "lr"), [("srf/HR", "srf/LR"), ("LRBI/HR", "LRBI/LR"), ("mild/HR", "mild/LR"), ("one", "one")]
)
def test_published_names_are_paired(cases: Path, tmp_path: Path, hr: str, lr: str) -> None:
    case = cases / "benchmark-names"
    judged = judge(tmp_path, "--model_id", 25, "--pairs", case / hr, case / lr, "--protocol", "ntire")
    assert judged.status == 0 and judged.psnr > 25


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bmp-alpha-dropped", "alpha"),
        ("jpeg-short-scan", "truncated"),
        ("pnm-maxval", 33.6114),
        ("tiff-orientation", 33.6928),
    ],
)
def test_an_image_is_right_or_refused_by_name(
    cases: Path, tmp_path: Path, name: str, expected: str | float
) -> None:
    judged = judge(tmp_path, "--images", cases / name / "SR", "--hr", cases / name / "HR")
    if judged.status == 0:
        assert judged.psnr == pytest.approx(expected, abs=5e-5)
    else:
        file = next((cases / name / "HR").iterdir()).name
        assert file in judged.output
        assert (expected if isinstance(expected, str) else "maxval") in judged.output


def test_a_refused_checkpoint_says_what_it_is(cases: Path, tmp_path: Path) -> None:
    judged = judge_models(cases / "checkpoint-reason-hidden", cases, tmp_path)
    for model_id, word in {
        "115": "numpy",
        "131": "Git LFS pointer",
        "133": "empty",
        "135": "a ZIP archive",
    }.items():
        reason = judged.reason(model_id)
        assert word in reason and "\x1b" not in reason, reason
    assert judged.status == 1


def test_a_compiler_is_named(cases: Path, tmp_path: Path) -> None:
    judged = judge_models(cases / "compile-refusal-unnamed", cases, tmp_path)
    assert "torch.compile" in judged.reason("233")


def test_products_and_sums_are_counted_or_flagged(cases: Path, tmp_path: Path) -> None:
    judged = judge_models(cases / "conv-by-products", cases, tmp_path)
    true_macs = PLAIN_MACS + 10 * 65536 * 144 * 16
    flags = {flag.name for flag in judged.records[0].flags}
    counted = judged.flops_g == pytest.approx(true_macs / GIGA, rel=0.02)
    assert counted or flags & {"complexity not established", "operators uncounted"}


class _SixAxes(nn.Module):
    """A norm on six axes, as windowed layouts have it: fvcore's assertion ends its count there."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.norm = nn.Conv2d(3, 16, 3, 1, 1), nn.LayerNorm(16)
        self.tail = nn.Conv2d(16, 48, 3, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        features = self.head(image)
        batch, channels, height, width = features.shape
        windows = features.view(batch, channels, height // 8, 8, width // 8, 8).permute(0, 2, 4, 3, 5, 1)
        normed = self.norm(windows).permute(0, 5, 1, 3, 2, 4).reshape(features.shape)
        return nn.functional.pixel_shuffle(self.tail(normed), 4)


def test_an_assertion_of_fvcore_does_not_lose_the_count() -> None:
    counted = count(_SixAxes().eval(), 1.0, torch.device("cpu"), None)
    figures = [one.macs for one in counted.counters.values() if one.macs is not None]
    assert figures and all(one == pytest.approx(PLAIN_MACS, rel=0.02) for one in figures)


def test_a_helper_file_is_named_with_the_cure(cases: Path, tmp_path: Path) -> None:
    judged = judge_models(cases / "helper-module-message", cases, tmp_path)
    for model_id, file in {"241": "utils.py", "242": "helper_mod.py", "246": "team250_cfg.txt"}.items():
        reason = judged.reason(model_id)
        assert file in reason and "list it in the manifest: files = " in reason, reason


def test_a_padded_network_is_counted_on_the_padded_size(cases: Path, tmp_path: Path) -> None:
    judged = judge_models(cases / "pad-multiple-not-counted", cases, tmp_path)
    expected = 264 * 264 * (432 + 6912 + 2 * 144 * 16)
    assert judged.flops_g == pytest.approx(expected / GIGA, rel=0.01)


def test_a_relative_checkpoint_is_found(cases: Path, tmp_path: Path) -> None:
    checkpoint = "model_zoo/reproduced/team25_EERN.pth"
    judged = judge(tmp_path, "--model_id", 25, "--checkpoint", checkpoint, *pair(cases))
    absolute = judge(tmp_path / "absolute", "--model_id", 25, "--checkpoint", ROOT / checkpoint, *pair(cases))
    assert judged.status == 0 and judged.psnr == absolute.psnr > 30


def test_an_image_that_is_too_small_is_named_before_any_network_runs(cases: Path, tmp_path: Path) -> None:
    case = cases / "tiny-image-ends-batch"
    judged = judge_models(case, cases, tmp_path, "--pairs", case / "HR", case / "LR", "--protocol", "ntire")
    assert judged.status == 2 and "a.png" in judged.output and not judged.records


def test_attention_is_counted_on_a_cpu(cases: Path, tmp_path: Path) -> None:
    judged = judge_models(cases / "uncounted-attention", cases, tmp_path)
    assert judged.flops_g == pytest.approx((PLAIN_MACS + 65536 * 256 * 16 * 2) / GIGA, rel=0.001)


def test_wrappers_prefixes_are_taken_off(cases: Path, tmp_path: Path) -> None:
    judged = judge_models(cases / "wrapper-prefixes", cases, tmp_path)
    assert judged.status == 0 and len(judged.records) == 3
    for record in judged.records:
        assert record.modes["valid"].mean("psnr") == pytest.approx(25.3735, abs=5e-4)
