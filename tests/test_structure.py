"""The shape that the rest relies on: which way imports point, and what the parent never loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What each package may import of the others; `models` stands alone.
ALLOWED = {
    "models": {"models"},
    "data": {"data"},
    "eval": {"eval", "data"},
    "leaderboard": {"leaderboard", "eval", "data"},
    "model_zoo": {"model_zoo", "eval", "data"},
    "train": {"train", "models", "data", "eval"},
}
# Run inside the worker only: they may use torch and, loaded there, the shared modules of `models`.
WORKER_SIDE = {"worker", "complexity", "cpu_stand_in", "memory", "runtime", "lockdown"}
# What packages outside `eval` import of it, as CONTRIBUTING.md says.
SEEN_OF_EVAL = {
    "leaderboard": {"results", "challenge", "stats"},
    "model_zoo": {"submission"},
    "train": {"metrics", "submission", "tomlfile"},
}


def imports(path: Path) -> set[str]:
    """Dotted names imported anywhere in a file, type-checking blocks included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    for path in sources(package):
        allowed = ALLOWED[package] | ({"models"} if "adapters" in path.parts else set())
        wrong = {name for name in imports(path) if name.split(".")[0] in set(ALLOWED) - allowed}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("package", SEEN_OF_EVAL)
def test_of_eval_no_more_is_seen_than_contributing_says(package: str) -> None:
    found = {name for path in sources(package) for name in imports(path) if name.startswith("eval.")}
    assert {name.split(".")[1] for name in found} == SEEN_OF_EVAL[package]
    page = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    arrow = page.split(f"`{package}` -> ")[1].split(";")[0]
    assert {name for name in re.findall(r"`eval\.(\w+)`", arrow)} == SEEN_OF_EVAL[package]


@pytest.mark.parametrize("module", ["eval.cli", "leaderboard.summary", "data.prepare", "model_zoo.fetch"])
def test_the_parent_never_loads_torch(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'spandrel', 'fvcore', 'thop') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_is_named_after_a_machine() -> None:
    for package in ALLOWED:
        for path in sources(package):
            assert "/home/" not in path.read_text(), path
