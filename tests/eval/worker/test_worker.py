"""The whole way: scripts on disk, the command line, and the figures and reasons that a user reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.conftest import ROOT

PIXELS = 256 * 256
CONV = 27 * 48
HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Conv2d(3, 48, 3, padding=1)

    def forward(self, x):
        y = self.up(x)
        b, c, h, w = y.shape
"""
BODIES = {
    "Window": "y = y.reshape(b, c, h // 12, 12, w // 12, 12).reshape(b, c, h, w)",
    "Attention": """t = y.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 4, 5, 1).reshape(-1, 16, 48)
        y = y + 0 * F.scaled_dot_product_attention(t, t, t).mean()""",
    "Products": """k = self.up.weight[:, 0].reshape(48, 9, 1, 1)
        y = y + 0 * (F.unfold(y, 3, padding=1).view(48, 9, h, w) * k).sum((0, 1))""",
    "Compiled": "y = torch.compile(lambda z: z * 2 + 1)(y)",
    "Scale2": "y = F.avg_pool2d(y, 2)",
    "Odd": "y = y.reshape(b, c, h // 7, 7, w // 7, 7).reshape(b, c, h, w)",
}
FLOPS_G = {
    "Window": 264 * 264 * CONV,
    "Attention": PIXELS * (CONV + 2 * 16 * 48),
    "Products": PIXELS * (CONV + 48 * 9),
}
ERRORS = {
    "Compiled": "torch.compile starts a compiler, which submissions may not; take it out",
    "Scale2": "it looks like a network for x2, the challenge is x4",
    "Odd": "if the network needs sides that are a multiple of some number, set `pad_multiple` in the manifest",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiny_pairs: tuple[Path, Path]) -> dict[str, Any]:
    """results.json of all these submissions, with one checkpoint whose names DataParallel prefixed."""
    folder = tmp_path_factory.mktemp("cases")
    models = folder / "models"
    models.mkdir()
    for number, (name, body) in enumerate(BODIES.items(), start=60):
        path = models / f"team{number}_{name}.py"
        path.write_text(f"{HEAD}        {body}\n        return F.pixel_shuffle(y, 4)\n")
        padding = "pad_multiple = 12" if name == "Window" else ""
        path.with_suffix(".toml").write_text(
            f'id = {number}\nteam = "Toys"\nname = "{name}"\nclass = "Net"\ndata_range = 1.0\n{padding}\n'
        )
    state = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1)).state_dict()
    checkpoint = folder / "prefixed.pth"
    torch.save({f"module.{name.replace('0.', 'up.')}": value for name, value in state.items()}, checkpoint)
    command = [sys.executable, "test_demo.py", "--models", str(models), "--all", "--protocol", "ntire"]
    command += ["--checkpoint", str(checkpoint), "--save_dir", str(folder / "out")]
    command += ["--pairs", *map(str, tiny_pairs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    content: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text())
    return {key.split("_")[1]: value for key, value in content.items()}


def flags(result: dict[str, Any]) -> dict[str, str]:
    return {flag["name"]: flag["reason"] for flag in result["flags"]}


@pytest.mark.parametrize("name", FLOPS_G)
def test_work_by_padding_attention_and_products_is_in_the_figure(results: dict[str, Any], name: str) -> None:
    assert results[name]["status"] == "ok", results[name]["error"]
    assert results[name]["flops"] == pytest.approx(FLOPS_G[name] / 1e9, abs=1e-6)
    assert ("work added" in flags(results[name])) is (name != "Window")
    assert "complexity not established" not in flags(results[name])


@pytest.mark.parametrize("name", FLOPS_G)
def test_a_prefix_that_was_taken_off_stands_in_the_record(results: dict[str, Any], name: str) -> None:
    assert flags(results[name])["checkpoint adapted"] == (
        "checkpoint prefixed.pth: the prefix 'module.' was taken off every name"
    )


@pytest.mark.parametrize("name", ERRORS)
def test_a_failure_names_its_cure(results: dict[str, Any], name: str) -> None:
    assert results[name]["status"] == "failed"
    assert ERRORS[name] in results[name]["error"]
