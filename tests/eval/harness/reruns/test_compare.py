"""Networks that depend on threads, order, neighbours and so on are caught by real reruns, and the cause is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eval.reproduction.findings import RANDOM, RERUN_KINDS, UNCONTROLLED
from tests.conftest import ROOT
from tests.eval import toy
from tests.eval.harness.reruns.fakes import FAKES

NUMBERS = {name: number for number, name in enumerate(FAKES, 1)}
# Of a fake: what it is run again under, what its output is said to depend on.
EXPECTED = {
    "honest": (["order"], []),
    "random": (["order"], [RANDOM]),
    "clock": (["order"], [UNCONTROLLED]),
    "threads": (["threads"], [RERUN_KINDS["threads"].changes]),
    "order": (["order"], [RERUN_KINDS["order"].changes]),
    "neighbours": (["neighbours"], [RERUN_KINDS["neighbours"].changes]),
    "tiles": (["tiles"], [RERUN_KINDS["tiles"].changes]),
    "memory_format": (["memory_format"], [RERUN_KINDS["memory_format"].changes]),
    "tf32": (["tf32"], [RERUN_KINDS["tf32"].changes]),
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    branches = {NUMBERS[name]: toy.forward(body, name.title()) for name, body in FAKES.items()}
    return toy.write_repo(tmp_path_factory.mktemp("fakes") / "repo", branches)


def reproduce(
    repo: Path, name: str, kinds: list[str], pairs: tuple[Path, Path], *more: str
) -> tuple[int, dict[str, Any]]:
    """Exit status and report of one fake."""
    command = [sys.executable, "-m", "eval.verify", "--reproduce", *kinds, "--json", "--repo", repo]
    how = [
        "--model_id",
        NUMBERS[name],
        "--pairs",
        *pairs,
        "--device",
        "cpu",
        "--save_dir",
        repo.parent / "out",
    ]
    done = subprocess.run(
        [str(part) for part in (*command, *how, *more)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout, done.stderr
    (report,) = json.loads(done.stdout)
    return done.returncode, report


SLOW = ("clock", "tiles", "memory_format", "tf32")  # test_switched.py has a quick test of their switches


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in FAKES]
)
def test_each_dependence_is_caught_and_named(name: str, repo: Path, tiny_pairs: tuple[Path, Path]) -> None:
    kinds, causes = EXPECTED[name]
    status, report = reproduce(repo, name, kinds, tiny_pairs)
    assert report["depends_on"] == causes, report
    fine = not any(cause != RERUN_KINDS["tiles"].changes for cause in causes)
    assert (status, report["reproducible"]) == (0 if fine else 1, fine)
    if name == "honest":
        assert {run["verdict"] for run in report["runs"]} == {"same"}
    if name == "tiles":
        (run,) = (run for run in report["runs"] if run["kind"] == "tiles")
        assert run["verdict"] == "differs" and "at the seams" in run["reason"] and run["largest"] > 1
