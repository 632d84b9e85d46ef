"""The checkpoints that this project trained and ships, so that a first run needs no network."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from data.bicubic import imresize
from data.images import write_png
from eval.submissions.manifest import Manifest
from eval.tomlfile import load_toml
from models.team00_RLFN import RLFN
from models.team21_SlimRLFN import SlimRLFN
from models.team25_EERN import EERN
from models.team28_MSN import MSN

ROOT = Path(__file__).resolve().parents[2]
SET5 = ROOT.parent / "shared" / "images" / "Set5"
# PSNR-Y as measured, rounded down. Bicubic has 28.42 dB, the authors' releases 31.93 to 32.07 dB.
REACHED_SET5_DB = {"RLFN": 30.5, "SlimRLFN": 30.5, "EERN": 30.5, "MSN": 30.5}
CLASSES: dict[str, type[nn.Module]] = {"RLFN": RLFN, "SlimRLFN": SlimRLFN, "EERN": EERN, "MSN": MSN}


class Shipped(NamedTuple):
    manifest: Manifest
    path: Path
    state: dict[str, torch.Tensor]


@pytest.fixture(params=["team00_RLFN", "team21_SlimRLFN", "team25_EERN", "team28_MSN"], scope="module")
def shipped(request: pytest.FixtureRequest) -> Shipped:
    manifest = load_toml(Manifest, ROOT / "models" / f"{request.param}.toml")
    assert manifest.reproduced is not None
    path = ROOT / "model_zoo" / manifest.reproduced.file
    return Shipped(manifest, path, torch.load(path, map_location="cpu", weights_only=True))


def read_rgb(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None, path
    return image[..., ::-1]


def luma(rgb: np.ndarray) -> np.ndarray:
    """MATLAB's rgb2ycbcr luma of uint8 RGB (H, W, 3), rounded: float (H, W)."""
    return np.round(rgb @ (np.array([65.481, 128.553, 24.966]) / 255) + 16)


def psnr_y_db(first: np.ndarray, second: np.ndarray) -> float:
    error = (luma(first) - luma(second))[4:-4, 4:-4]
    return float(20 * np.log10(255 / np.sqrt(np.mean(error**2))))


def upscale(network: nn.Module, data_range: float, low: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1)))[None].float() * (data_range / 255)
    with torch.no_grad():
        out = network(x)[0].numpy().transpose(1, 2, 0) * (255 / data_range)
    return np.round(out.clip(0, 255)).astype(np.uint8)


def test_file_is_the_one_of_the_manifest_and_has_a_card(shipped: Shipped) -> None:
    assert shipped.manifest.reproduced is not None
    assert hashlib.sha256(shipped.path.read_bytes()).hexdigest() == shipped.manifest.reproduced.sha256
    card = shipped.path.with_suffix(".md").read_text(encoding="utf-8")
    assert shipped.manifest.reproduced.sha256 in card


def test_weights_only_float32_and_strict(shipped: Shipped) -> None:
    assert {tensor.dtype for tensor in shipped.state.values()} == {torch.float32}
    CLASSES[shipped.manifest.class_](**shipped.manifest.args).load_state_dict(shipped.state, strict=True)


def test_beats_bicubic_on_a_photograph_it_never_saw(shipped: Shipped) -> None:
    network = CLASSES[shipped.manifest.class_](**shipped.manifest.args).eval()
    network.load_state_dict(shipped.state)
    high = skimage.data.astronaut()[:256, 100:356]
    low = imresize(high, 0.25)
    score_db = psnr_y_db(upscale(network, shipped.manifest.data_range, low), high)
    assert score_db >= psnr_y_db(imresize(low, 4), high) + 0.5


@pytest.mark.skipif(not SET5.is_dir(), reason=f"needs Set5 in {SET5}")
def test_reaches_on_set5_what_was_measured(shipped: Shipped) -> None:
    network = CLASSES[shipped.manifest.class_](**shipped.manifest.args).eval()
    network.load_state_dict(shipped.state)
    scores = []
    for path in sorted((SET5 / "HR").glob("*.png")):
        high, low = read_rgb(path), read_rgb(SET5 / "LR" / f"{path.stem}x4.png")
        high = high[: low.shape[0] * 4, : low.shape[1] * 4]
        scores.append(psnr_y_db(upscale(network, shipped.manifest.data_range, low), high))
    assert len(scores) == 5
    assert np.mean(scores) >= REACHED_SET5_DB[shipped.manifest.class_]


def test_the_baseline_is_judged_without_a_network(tmp_path: Path) -> None:
    """The reference of every score: from files on disk to the figure in results.json, above bicubic."""
    high = skimage.data.astronaut()[:128, 100:228]
    low = imresize(high, 0.25)
    for folder, name, image in (("HR", "a.png", high), ("LR", "ax4.png", low)):
        (tmp_path / folder).mkdir()
        write_png(tmp_path / folder / name, image)
    command = [sys.executable, "test_demo.py", "--model_id", "0", "--checkpoint", "reproduced"]
    command += [
        "--pairs",
        str(tmp_path / "HR"),
        str(tmp_path / "LR"),
        "--protocol",
        "ntire",
        "--device",
        "cpu",
    ]
    done = subprocess.run(
        [*command, "--save_dir", str(tmp_path / "results")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    (row,) = result.values()
    assert row["status"] == "ok"
    error = (imresize(low, 4).astype(float) - high)[4:-4, 4:-4]
    assert row["valid_ave_psnr"] > 20 * np.log10(255 / np.sqrt(np.mean(error**2))) + 0.5
