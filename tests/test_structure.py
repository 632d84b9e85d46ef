"""The shape that the rest relies on: which way imports point, and what the parent never loads."""

from __future__ import annotations

import ast
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
    "train": {"train", "models", "data", "eval", "model_zoo"},
}
# Run inside the worker only: they may use torch and, loaded there, the shared modules of `models`.
WORKER_SIDE = {"worker", "complexity", "cpu_stand_in", "memory", "runtime", "lockdown"}
SEEN_BY_LEADERBOARD = {"results", "challenge", "tomlfile", "stats"}


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


def test_the_leaderboard_sees_records_and_rules_only() -> None:
    for path in sources("leaderboard"):
        seen = {name.split(".")[1] for name in imports(path) if name.startswith("eval.")}
        assert seen <= SEEN_BY_LEADERBOARD, (
            f"{path.relative_to(ROOT)} imports {sorted(seen - SEEN_BY_LEADERBOARD)}"
        )


@pytest.mark.parametrize("module", ["eval.cli", "leaderboard.summary", "data.prepare", "model_zoo.fetch"])
def test_the_parent_never_loads_torch(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'spandrel', 'fvcore', 'thop') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_is_named_after_a_machine() -> None:
    for package in ALLOWED:
        for path in sources(package):
            assert "/home/" not in path.read_text(), path
