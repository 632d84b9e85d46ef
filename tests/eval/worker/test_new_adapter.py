"""A further way to load submissions is its source, its module and one line of the table: a toy one shows it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SOURCE = '''
@dataclass(frozen=True, kw_only=True)
class GainSource(Source):
    """Repeats pixels and multiplies them."""

    adapter: ClassVar[str] = "gain"

    gain: float


'''
MODULE = """
import torch

from eval.worker.adapters.loaded_model import LoadedModel


def load(source, setting):
    def forward(image):
        return torch.nn.functional.interpolate(image, scale_factor=setting.scale) * source.gain

    return LoadedModel(torch.nn.Identity(), forward, 255.0)
"""
PROGRAM = """
import numpy as np

from eval.harness.worker_process import WorkerProcess
from eval.harness.worker_setup import Setup
from eval.protocol.job import GainSource
from eval.records.schema import SubmissionInfo
from eval.sandbox import CPU_LIMITS, Level
from eval.submissions.submission import Submission

one = Submission(info=SubmissionInfo(model="toy"), source=GainSource(gain=2.0), visible=())
with WorkerProcess(one, Setup("cpu", 4, 64, Level.PROCESS, CPU_LIMITS)) as worker:
    worker.load()
    image = worker.forward(np.full((8, 8, 3), 21, np.uint8), "x").image
print(image.shape, image.min(), image.max())
"""
TABLE, LINE = "# The one table of adapters.", "        ControlSource,\n"


def test_a_toy_adapter_loads_a_submission(tmp_path: Path) -> None:
    for package in ("eval", "data", "models"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.pth")
        )
    job = tmp_path / "eval" / "protocol" / "job.py"
    text = job.read_text()
    assert text.count(TABLE) == text.count(LINE) == 1
    job.write_text(text.replace(TABLE, SOURCE.lstrip() + TABLE).replace(LINE, f"{LINE}        GainSource,\n"))
    (tmp_path / "eval" / "worker" / "adapters" / "gain.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "(32, 32, 3) 42 42\n", done.stderr
