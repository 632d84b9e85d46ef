"""The examples in docstrings of `data` and `model_zoo` run, and every public array function has one."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

MODULES = [
    path
    for package in ("data", "model_zoo")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.name != "__main__.py"
]


def named(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def takes_or_gives_arrays(function: ast.FunctionDef) -> bool:
    arguments = function.args
    hints = [argument.annotation for argument in (*arguments.args, *arguments.kwonlyargs)] + [
        function.returns
    ]
    return any(hint is not None and re.search(r"\b(Image|NDArray)\b", ast.unparse(hint)) for hint in hints)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_examples(path: Path) -> None:
    assert doctest.testmod(importlib.import_module(named(path))).failed == 0


def test_public_array_functions_have_an_example() -> None:
    functions = {
        f"{named(path)}.{node.name}": ast.get_docstring(node) or ""
        for path in MODULES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and takes_or_gives_arrays(node)
    }
    assert "data.images.read_rgb" in functions and "data.bicubic.imresize" in functions
    assert [name for name, text in functions.items() if ">>>" not in text] == []
    assert [name for name, text in functions.items() if "uint8" not in text or " x " not in text] == []
