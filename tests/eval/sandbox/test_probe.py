"""The probe finds a level on installations that are not the usual one."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from eval.sandbox import Level
from eval.sandbox.probe import why_not

ROOT = Path(__file__).resolve().parents[3]
PROBE = "from eval.sandbox.probe import why_not; from eval.sandbox import Level; print(why_not(Level({!r})))"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs get another uid")
@pytest.mark.parametrize("level", list(Level), ids=str)
def test_an_environment_that_only_its_owner_may_enter(level: Level, tmp_path: Path) -> None:
    if why_not(level):
        pytest.skip(f"{level} does not work here: {why_not(level)}")
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    folder.chmod(0o700)
    done = subprocess.run(
        [folder / "bin" / "python", "-c", PROBE.format(level.value)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n", done.stdout + done.stderr
