"""Lets a model script import the further files that its manifest lists, by exact paths."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any


class _ListedFiles(importlib.abc.MetaPathFinder):
    """Finds `helper` and `models.helper` as `helper.py`: a sandbox may refuse to list the folder."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        self._folder = folder
        self._files = {Path(file) for file in files}

    def find_spec(
        self, fullname: str, _path: Any = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        base = self._folder.joinpath(*fullname.removeprefix("models.").split("."))
        package, module = base / "__init__.py", base.with_name(f"{base.name}.py")
        if package in self._files:
            return importlib.util.spec_from_file_location(
                fullname, package, submodule_search_locations=[str(base)]
            )
        if module in self._files:
            return importlib.util.spec_from_file_location(fullname, module)
        if any(base in file.parents for file in self._files):
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(base)]
            return spec
        return None


def make_importable(folder: Path, files: Sequence[str]) -> None:
    """Let imports find `files`, absolute paths inside the script's `folder`."""
    if files:
        sys.meta_path.insert(0, _ListedFiles(folder, files))
