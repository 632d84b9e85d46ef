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
        tree = parsed_source(repo / name, repo, MAX_ENTRY_BYTES)
        nodes = ast.walk(tree) if tree is not None else ()
        if any(isinstance(node, ast.FunctionDef) and node.name == "select_model" for node in nodes):
            return repo / name
    return None


def parsed_source(path: Path, repo: Path, most_bytes: int) -> ast.Module | None:
    """The syntax of a source file of `repo`, or None if it cannot be shown, read or parsed; nothing is run."""
    if files.unfit(path, repo, most_bytes):
        return None
    try:
        return ast.parse(files.read_text(path, most_bytes))
    except (InputError, SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested deeply
        return None
