"""Finds the entry point of an Image SR repository of 2025 or 2026, as text: nothing of it is run."""

from __future__ import annotations

import ast
from pathlib import Path

from data.errors import InputError
from eval import files

ENTRIES = ("test.py", "eval.py")
MAX_ENTRY_BYTES = 1 << 20


def entry_file(repo: Path) -> Path | None:
    """The file of `repo` that defines `select_model` in this form, or None; nothing is run."""
    for name in ENTRIES:
        path = repo / name
        if files.unfit(path, repo, MAX_ENTRY_BYTES):
            continue
        try:
            tree = ast.parse(files.read_text(path, MAX_ENTRY_BYTES))
        except (
            InputError,
            SyntaxError,
            ValueError,
            RecursionError,
            MemoryError,
        ):  # the last two: nested deeply
            continue
        if any(isinstance(node, ast.FunctionDef) and node.name == "select_model" for node in ast.walk(tree)):
            return path
    return None
