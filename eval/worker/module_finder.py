"""Finds the harness's modules by exact paths, and takes them away again before a team's code runs.

`eval/worker/__main__.py` loads this file by its path, before anything else of the harness can be imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_HARNESS = ("eval", "data", "models")


class HarnessModules(importlib.abc.MetaPathFinder):
    """Finds packages of the project by their exact paths: a sandbox may refuse to list the project's folder."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, _path: Any = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._packages:
            return None
        base = _ROOT.joinpath(*fullname.split("."))
        if (base / "__init__.py").is_file():
            return importlib.util.spec_from_file_location(
                fullname, base / "__init__.py", submodule_search_locations=[str(base)]
            )
        file = base.with_suffix(".py")
        return importlib.util.spec_from_file_location(fullname, file) if file.is_file() else None


def show_harness() -> None:
    """Let imports find the harness."""
    sys.meta_path.insert(0, HarnessModules(_HARNESS))


def hide_harness(*, keep_models: bool) -> None:
    """Forget the harness's modules by name, so that a submission's own `eval`, `data` or `models` are found."""
    for name in list(sys.modules):
        if name.partition(".")[0] in _HARNESS:
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, HarnessModules)]
    if keep_models:
        sys.meta_path.insert(0, HarnessModules(("models",)))
