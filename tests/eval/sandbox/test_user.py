"""Runs the same tests as an ordinary user, if root runs the tests. Sandboxes are made in another way then."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
USER = 60599  # no account, outside the range that the sandboxes use
FILES = [
    "test_rights.py",
    "test_limits.py",
    "test_memory.py",
    pytest.param("test_torch.py", marks=pytest.mark.slow),
]


def as_user(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as the ordinary user without any of root's groups."""
    return subprocess.run(
        command, user=USER, group=USER, extra_groups=[], env=environment, cwd=ROOT,
        capture_output=True, text=True, check=False, timeout=3600,
    )  # fmt: skip


def interpreters(home: Path) -> Iterator[str]:
    """This interpreter, and an environment of the system's with its packages: the first may lie where only root
    can go. PYTHONPATH would not do: what runs inside a sandbox does not read it."""
    yield sys.executable
    system = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin")
    if system:
        made = home / "environment"
        subprocess.run([system, "-m", "venv", "--without-pip", str(made)], check=False, capture_output=True)
        packages = [entry for entry in sys.path if entry.endswith("site-packages")]
        for folder in made.glob("lib/python*/site-packages"):
            (folder / "root.pth").write_text("\n".join(packages) + "\n", encoding="utf-8")
        yield str(made / "bin" / "python")


def runs(python: str, environment: dict[str, str]) -> bool:
    """Whether the user can start the interpreter and import pytest, torch and this repository."""
    code = f"import pytest, sys, torch; sys.path.insert(0, {str(ROOT)!r}); import eval.sandbox"
    try:
        return as_user([python, "-c", code], environment).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def user() -> Iterator[tuple[str, dict[str, str]]]:
    """An interpreter that the ordinary user can run, and an environment with a home of the user's own.

    Skips the test if there is none.
    """
    home = Path(tempfile.mkdtemp(prefix="user-", dir="/tmp"))
    os.chown(home, USER, USER)
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"
    }  # fmt: skip
    try:
        python = next((one for one in interpreters(home) if runs(one, environment)), None)
        if python is None:
            pytest.skip(
                "no interpreter with pytest and torch, and this repository, can be read by an ordinary user"
            )
        yield python, environment
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.slow  # repeats whole files as another user: minutes
@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already")
@pytest.mark.parametrize("file", FILES)
def test_as_an_ordinary_user(file: str) -> None:
    with user() as (python, environment):
        command = [python, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", str(HERE / file)]
        result = as_user(command, environment)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
