"""Models run inside: torch imports, convolves on all its threads and gives the same numbers as outside."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from eval.sandbox import CPU_LIMITS, Level, spawn
from tests.eval.sandbox_helpers import PRELUDE, TIMEOUT_S

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
# Isolated mode ignores PYTHONPATH, by which the packages may have been found here
PACKAGES = f"sys.path += {[entry for entry in sys.path if entry.endswith('site-packages')]!r}\n"
CODE = """
import torch
assert lock() == ""
torch.manual_seed(0)
layer = torch.nn.Conv2d(3, 8, 3)
with torch.inference_mode():
    result = layer(torch.ones(1, 3, 64, 64))
print(torch.get_num_threads(), repr(float(result.double().sum())))
"""


def test_torch_computes_the_same_at_every_level() -> None:
    from eval.sandbox.probe import why_not

    results = {}
    for level in Level:
        if why_not(level):
            continue
        argv = [sys.executable, "-I", "-B", "-c", PRELUDE + PACKAGES + CODE]
        with spawn(level, argv, None, CPU_LIMITS, env={"OMP_NUM_THREADS": "2"}) as confined:
            status = confined.wait(TIMEOUT_S)
        text = confined.output().decode(errors="replace")
        assert status == 0, text
        results[level] = text
    assert len(set(results.values())) == 1, results
    assert next(iter(results.values())).startswith("2 ")
