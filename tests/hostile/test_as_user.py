"""The corpus once more as an ordinary user, whose sandboxes are made in another way, when this run is root's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.eval.test_sandbox_user import USER, as_user, interpreters, runs


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already")
@pytest.mark.parametrize("file", ["test_corpus.py", "test_manifests.py", "test_faults.py"])
def test_as_an_ordinary_user(file: str) -> None:
    home = Path("/tmp") / f"hostile-user-{os.getpid()}"
    home.mkdir()
    os.chown(home, USER, USER)
    base = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        found = [
            (python, {**base, **extra}) for python, extra in interpreters() if runs(python, {**base, **extra})
        ]
        if not found:
            pytest.skip("no interpreter with pytest, and this repository, can be read by an ordinary user")
        python, environment = found[0]
        path = ROOT / "tests" / "hostile" / file
        done = as_user([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)], environment)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
