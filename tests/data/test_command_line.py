"""From files on disk, by the command line, to the figure that a user reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data.bicubic import imresize
from data.images import write_png
from tests.conftest import ROOT
from tests.data import samples as s
from tests.eval import toy


def run(save_dir: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "test_demo.py", *arguments, "--save_dir", save_dir]
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=200)


@pytest.fixture
def sr(tmp_path: Path) -> np.ndarray:
    """An SR image a.png in the folder SR, a few levels off the HR image."""
    (tmp_path / "SR").mkdir()
    (tmp_path / "HR").mkdir()
    image = np.clip(s.RGB.astype(int) + np.random.default_rng(1).integers(-5, 6, s.RGB.shape), 0, 255)
    write_png(tmp_path / "SR" / "a.png", image.astype(np.uint8))
    return image.astype(np.uint8)


def test_an_orientation_tag_does_not_change_the_psnr(tmp_path: Path, sr: np.ndarray) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    (tmp_path / "HR" / "a.tif").write_bytes(s.oriented(3))
    done = run(tmp_path / "out", "--images", tmp_path / "SR", "--hr", tmp_path / "HR")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "out" / "results.json").read_text()).values()
    expected = metrics.peak_signal_noise_ratio(s.RGB[4:-4, 4:-4], sr[4:-4, 4:-4])
    assert result["valid_ave_psnr"] == pytest.approx(expected, abs=1e-9)
    assert f"{expected:.2f}" in done.stdout


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (
            "a.jpg",
            s.short_scan(200),
            "it is truncated: the pixels of the JPEG end before its end-of-image marker",
        ),
        ("a.bmp", s.bmp(32, s.with_fourth(s.GREY)), "it has an alpha channel"),
    ],
)
def test_a_misread_image_is_one_line_and_no_figure(
    tmp_path: Path, sr: np.ndarray, name: str, data: bytes, reason: str
) -> None:
    assert sr.shape == s.RGB.shape
    path = tmp_path / "HR" / name
    path.write_bytes(data)
    done = run(tmp_path / "out", "--images", tmp_path / "SR", "--hr", tmp_path / "HR")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"{path}: {reason}" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out" / "results.json").exists()


def test_both_kinds_in_one_folder_are_judged(tmp_path: Path) -> None:
    """Nearest neighbour of the LR images: the PSNR is that of the published names' own pairs."""
    metrics = pytest.importorskip("skimage.metrics")
    repo, folder = toy.write_repo(tmp_path / "repo", {3: toy.honest()}), tmp_path / "image_SRF_4"
    folder.mkdir()
    low = imresize(s.RGB, 1 / 4)
    write_png(folder / "img_001_SRF_4_HR.png", s.RGB)
    write_png(folder / "img_001_SRF_4_LR.png", low)
    done = run(
        tmp_path / "out", "--repo", repo, "--model_id", "3", "--pairs", folder, folder, "--device", "cpu"
    )
    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "out" / "results.json").read_text()).values()
    made = np.kron(low, np.ones((4, 4, 1), np.uint8))
    expected = metrics.peak_signal_noise_ratio(s.RGB[4:-4, 4:-4], made[4:-4, 4:-4])
    assert result["valid_ave_psnr"] == pytest.approx(expected, abs=1e-9)


RECIPE = """
name = "two"
results = {{ two = "all" }}
save_every = 100
validate_every = 100

[networks.net]
class = "models.team00_RLFN:RLFN"
data_range = 255.0
args = {{ channels = 4, inner = 4, blocks = 1, esa_channels = 2 }}
{stages}
"""
STAGE = """
[[stages]]
name = "{name}"
network = "net"
data = {data}
epochs = 1
batch = 2
hr_patch = 64
losses = [{{ name = "l1" }}]
optimizer = {{ name = "adam", lr = 1e-3 }}
schedule = {{ name = "cosine", lr_min = 1e-5 }}
"""


def test_training_from_a_packed_lmdb_uses_the_images_that_each_stage_names(tmp_path: Path) -> None:
    """Two images of DIV2K and four of LSDIR: the steps of an epoch follow from the names."""
    random = np.random.default_rng(0)
    for path in (
        *(f"DIV2K/DIV2K_train_HR/000{k}.png" for k in (1, 2)),
        *(f"LSDIR/HR/train/0001000/000000{k}.png" for k in (1, 2, 3, 4)),
    ):
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / "data" / path, random.integers(0, 256, (72, 80, 3), np.uint8))
    pack = [sys.executable, "-m", "data.pack", "data", "packed", "--data", "DIV2K", "LSDIR:0001000-0002000"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(pack, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    stages = {"div2k": ["DIV2K"], "all": ["DIV2K", "LSDIR:0001000-0002000"]}
    text = "".join(STAGE.format(name=name, data=json.dumps(data)) for name, data in stages.items())
    (tmp_path / "two.toml").write_text(RECIPE.format(stages=text), encoding="utf-8")
    train = [sys.executable, "-m", "train", "two.toml", "--data", "packed", "--out", "out", "--workers", "0"]
    train += ["--scale-batch", "1", "--scale-patch", "1", "--accelerator", "cpu"]
    done = subprocess.run(train, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    stages_done = sorted((tmp_path / "out" / "stages").glob("*/done.json"))
    rows = [json.loads(path.read_text()) for path in stages_done]
    assert [(row["images"], row["steps"]) for row in rows] == [(2, 1), (6, 3)]
    note = "data set LSDIR:0001000-0002000: 4 of 2000 images are there"
    assert note in done.stderr
    assert f"- stage all: {note}" in (tmp_path / "out" / "summary.md").read_text().splitlines()
