"""A small world to train in: noise-textured images, a tiny network, a recipe that visits every kind of stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.images import write_png

TINY = """
name = "tiny"
results = { tiny = "prune", tiny_teacher = "teacher" }
save_every = 2
validate_every = 3

[networks.teacher]
class = "models.team00_RLFN:RLFN"
data_range = 255.0
args = { channels = 6, inner = 6, blocks = 1, esa_channels = 2 }

[networks.student]
class = "models.team21_SlimRLFN:SlimRLFN"
data_range = 255.0
args = { channels = 4, blocks = 1, esa_channels = 2 }
imports = { conv = "train.reparam:RepConv" }

[[stages]]
name = "teacher"
network = "teacher"
data = ["DIV2K"]
steps = 4
batch = 2
hr_patch = 64
losses = [{ name = "charbonnier" }]
optimizer = { name = "adam", lr = 1e-3 }
schedule = { name = "halving", at = [2] }

[[stages]]
name = "distil"
network = "student"
data = ["DIV2K"]
epochs = 2
batch = 2
hr_patch = 64
repeat = 2
losses = [{ name = "l1" }, { name = "gradient_weighted", weight = 3.0 }]
optimizer = { name = "adam", lr = 1e-3 }
schedule = { name = "cosine", lr_min = 1e-5 }
distil = { network = "teacher", losses = [{ name = "charbonnier" }] }
ema = 0.9
clip_norm = 1.0

[[stages]]
name = "prune"
network = "student"
data = ["DIV2K"]
steps = 5
batch = 2
hr_patch = 72
fold = true
without = ["conv"]
losses = [{ name = "psnr" }]
optimizer = { name = "adam", lr = 1e-4 }
channels_last = true

[stages.prune]
argument = "inner"
events = 2
max_drop_db = 50.0
final = [2]
chains = [["block_list.0.c1_r", "block_list.0.c2_r", "block_list.0.c3_r"]]
"""


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images with structure at several scales, sizes that are no multiples of 4."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate([(83, 98), (97, 81), (101, 90), (88, 121)]):
        coarse = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
        image = np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width]
        image = np.clip(image + random.normal(0, 9, image.shape), 0, 255).astype(np.uint8)
        write_png(folder / f"{number}.png", image)
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The path of the small recipe."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path
