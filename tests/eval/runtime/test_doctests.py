"""The examples in docstrings of `eval.runtime` and `eval.harness.progress` run."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.conftest import ROOT

MODULES = [
    "eval.harness.progress",
    *(f"eval.runtime.{path.stem}" for path in sorted((ROOT / "eval" / "runtime").glob("[a-z]*.py"))),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
