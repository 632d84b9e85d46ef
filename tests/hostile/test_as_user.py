"""Runs the corpus once more as an ordinary user, if root runs the tests. Sandboxes are made in another way then."""

from __future__ import annotations

import os

import pytest

from eval.sandbox import Level
from tests.conftest import ROOT
from tests.eval.sandbox.test_user import as_user, user

HERE = ROOT / "tests" / "hostile"
CORPUS = [
    pytest.param(
        [str(HERE / "test_corpus.py"), "-m", "slow", "-k", f"every_level and {level}"], id=f"corpus-{level}"
    )
    for level in Level
]
OTHERS = [pytest.param([str(HERE / name)], id=name) for name in ("test_manifests.py", "test_faults.py")]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already")
@pytest.mark.parametrize("selected", [*CORPUS, *OTHERS])
def test_as_an_ordinary_user(selected: list[str]) -> None:
    with user() as (python, environment):
        command = [python, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *selected]
        done = as_user(command, environment)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
