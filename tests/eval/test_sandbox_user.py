"""The same tests as an ordinary user, whose sandboxes are made in another way, when this run is root's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
USER = 60599  # no account, outside the range that the sandboxes use
FILES = [
    "test_sandbox_rights.py",
    "test_sandbox_limits.py",
    pytest.param("test_sandbox_torch.py", marks=pytest.mark.slow),
]


def as_user(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as the ordinary user without any of root's groups."""
    return subprocess.run(
        command, user=USER, group=USER, extra_groups=[], env=environment, cwd=ROOT,
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip


def interpreters() -> Iterator[tuple[str, dict[str, str]]]:
    """This interpreter, and the system's with its packages: the first may lie where only root can go."""
    yield sys.executable, {}
    system = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin")
    packages = [entry for entry in sys.path if entry.endswith("site-packages")]
    if system:
        yield system, {"PYTHONPATH": os.pathsep.join(packages)}


def runs(python: str, environment: dict[str, str]) -> bool:
    """Whether the user can start the interpreter and import pytest and this repository."""
    code = f"import pytest, sys; sys.path.insert(0, {str(ROOT)!r}); import eval.sandbox"
    try:
        return as_user([python, "-c", code], environment).returncode == 0
    except OSError:
        return False


@pytest.mark.slow  # repeats whole files as another user: minutes
@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already")
@pytest.mark.parametrize("file", FILES)
def test_as_an_ordinary_user(file: str) -> None:
    home = Path("/tmp") / f"sandbox-user-{os.getpid()}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    os.chown(home, USER, USER)
    base = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        for python, extra in interpreters():
            environment = {**base, **extra}
            if runs(python, environment):
                break
        else:
            pytest.skip("no interpreter with pytest, and this repository, can be read by an ordinary user")
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / file)]
        result = as_user(command, environment)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
