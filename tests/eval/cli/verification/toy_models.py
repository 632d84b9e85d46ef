"""A folder of manifests with the toy network, and the command line run on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from tests.conftest import ROOT
from tests.eval import toy


def toy_models(folder: Path, gain: float = 1.0, claims: str = "", network: str = toy.NETWORK) -> Path:
    """`folder/models` with one network, its checkpoint and `claims`."""
    models = folder / "models"
    models.mkdir(parents=True)
    (models / "team42_Net.py").write_text(network)
    (models / "team42_Net.toml").write_text(
        f"{toy.MANIFEST}\n[checkpoint]\nfile = 'team42.pth'\n[claims]\n{claims}\n"
    )
    torch.save({"gain": torch.full((1,), gain)}, models / "team42.pth")
    return models


def verify(*arguments: object, threads: int = 1, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """`python -m eval.verify` with `arguments`, in a fresh process."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "eval.verify", *map(str, arguments)],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def chosen(models: Path, pairs: tuple[Path, Path], out: Path) -> list[object]:
    """Options that choose the toy network."""
    how = ["--protocol", "ntire", "--device", "cpu", "--save_dir", out]
    return ["--models", models, "--model_id", "42", "--pairs", *pairs, *how]
