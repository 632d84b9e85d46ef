"""How a shared repository's files are found by imports: behind everything that is installed, and by their source.

Any team can put a file into a shared repository. The usual rules of Python would let some of these stand before files
that others mean: `timm.py` in the root before the installed package, `models.py` before the folder `models/`, a
compiled module or a cached one before its source.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType

# Folders that every repository of the challenges has. A package of this name that happens to be installed is not meant.
OWN_FOLDERS = ("models", "model_zoo", "utils")


class _Source(SourceFileLoader):
    """Compiles the source each time: a cached copy in `__pycache__` may be of other code."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


_LOADERS = (
    (_Source, SOURCE_SUFFIXES),
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)


class _Finder(FileFinder):
    """Finds modules in one folder of the repository. is_root: whether it is the one that all teams share.

    installed: what `sys.path` was before.
    """

    def __init__(self, folder: str, is_root: bool, installed: list[str]) -> None:
        super().__init__(folder, *_LOADERS)
        self._is_root, self._installed = is_root, installed

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        found = super().find_spec(fullname, target)
        if not self._is_root or found is None:
            return found
        if fullname not in OWN_FOLDERS:
            return None if _is_installed(fullname, self._installed) else found
        folder = os.path.join(self.path, fullname)
        if found.submodule_search_locations is None and os.path.isdir(folder):  # a file of the folder's name
            found = ModuleSpec(fullname, None, is_package=True)
            found.submodule_search_locations = [folder]
        return found


def show_repository(repo: str) -> None:
    """Let imports find the modules of the repository in `repo`, and those of folders that it adds to `sys.path`."""
    root, installed = Path(repo).resolve(), list(sys.path)
    inside = [
        path for path in map(Path, installed) if path.is_relative_to(root)
    ]  # an environment in the repository

    def finder(folder: str) -> _Finder:
        path = Path(folder).resolve()
        is_ours = path.is_relative_to(root) and not any(path.is_relative_to(one) for one in inside)
        if not is_ours or not path.is_dir():
            raise ImportError  # this asks the next hook
        return _Finder(str(path), path == root, installed)

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()
    # In front, so that the repository's own `models` is found; names of what is installed are left to what follows.
    sys.path.insert(0, repo)


def _is_installed(name: str, installed: list[str]) -> bool:
    """Whether the standard library or an installed package has the name; a folder without code is no package."""
    if name in sys.stdlib_module_names:
        return True
    others = (finder.find_spec(name, None) for finder in sys.meta_path if finder is not PathFinder)
    found = PathFinder.find_spec(name, installed) or next(filter(None, others), None)
    return found is not None and found.loader is not None and found.origin is not None
