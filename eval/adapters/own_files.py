"""Which files of an NTIRE repository one of its submissions may see: all but those of the others alone.

Teams share one repository, so without this each could load a rival's checkpoint or copy its network. A file belongs to
the submissions whose branch of `select_model` names it as a checkpoint, or imports it, directly or through other files,
or whose number it bears (`models/team25_EERN.py`). What belongs to no branch (utilities, configuration) is everybody's.
Only Python's parser reads the files; nothing of them is run.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from eval.adapters.ntire_repo import Branch, imported
from eval.files import unfit

NUMBERED = re.compile(r"team_?0*(\d+)(?!\d)", re.IGNORECASE)
PLACES = ("models", "model_zoo")  # where the challenges ask teams to put their files
# The repository's history holds everybody's files once more, and compiled modules hold their code.
NOBODYS = (".git", "__pycache__")
MOST_BYTES = 4 << 20  # of a source file that is still parsed


class Ownership:
    """Whose the files of a repository are."""

    def __init__(self, repo: Path, entry: Path, branches: Sequence[Branch]) -> None:
        """entry: the file with `select_model`, whose `branches` are the submissions."""
        self._repo = repo
        self._imports: dict[Path, list[Path]] = {}
        self._common = self._reached(self._imported(_parsed(entry, repo).body, entry))
        numbered = self._numbered()
        self._own = {
            branch.model_id: self._belonging(branch) | numbered.get(branch.model_id, set())
            for branch in branches
        }

    def shown(self, branch: Branch, hidden: Collection[Path] = ()) -> tuple[Path, ...]:
        """Files and folders of the repository that `branch` may see, without those of `hidden`.

        A folder stands for all that is in it where nothing of that is another's.
        """
        own = self._own[branch.model_id] | self._common
        others = {path for paths in self._own.values() for path in paths}
        secret = {*(others - own), *hidden}
        return tuple(path for path in _without(self._repo, secret) if self._stays(path, secret))

    def _stays(self, path: Path, secret: Collection[Path]) -> bool:
        """Whether `path`, which is shown by what a link leads to, leads to nothing secret or outside."""
        if not os.path.exists(path):  # a link to nothing, or to itself
            return False
        target = path.resolve()
        inside = target.is_relative_to(self._repo)
        return target == path or (inside and not any(target.is_relative_to(one) for one in secret))

    def _belonging(self, branch: Branch) -> set[Path]:
        checkpoints = {self._repo / "model_zoo" / name for name in branch.checkpoints}
        return checkpoints | self._reached(file for name in branch.modules for file in self._files_of(name))

    def _numbered(self) -> dict[int, set[Path]]:
        found: dict[int, set[Path]] = {}
        for place in PLACES:
            for path in (self._repo / place).glob("*"):
                number = NUMBERED.match(path.name)
                if number:
                    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
                    found.setdefault(int(number.group(1)), set()).update(files)
        return found

    def _reached(self, start: Iterable[Path]) -> set[Path]:
        """The files `start` and all files of the repository that they import, directly or not."""
        found: set[Path] = set()
        waiting = list(start)
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += self._imports_of(path)
        return found

    def _imports_of(self, path: Path) -> list[Path]:
        if path not in self._imports:
            self._imports[path] = self._imported(ast.walk(_parsed(path, self._repo)), path)
        return self._imports[path]

    def _imported(self, nodes: Iterable[ast.AST], path: Path) -> list[Path]:
        package = path.relative_to(self._repo).parts[:-1]
        return [file for node in nodes for name in imported(node, package) for file in self._files_of(name)]

    def _files_of(self, name: str) -> list[Path]:
        """Files of the repository that importing the dotted name `name` runs."""
        parts = name.split(".")
        packages = [self._repo.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
        candidates = [*packages, self._repo.joinpath(*parts[:-1], f"{parts[-1]}.py")]
        return [
            path for path in candidates if os.path.isfile(path)
        ]  # no error for a name too long for a file


def _parsed(path: Path, repo: Path) -> ast.Module:
    """A source file's syntax; an empty module for what cannot be parsed, and so not be imported either."""
    try:
        return ast.parse(b"" if unfit(path, repo, MOST_BYTES) else path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _without(folder: Path, hidden: Collection[Path]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path in hidden or path.name in NOBODYS:
            continue
        if path.is_dir() and not path.is_symlink() and _holds(path, hidden):
            yield from _without(path, hidden)
        else:
            yield path


def _holds(folder: Path, hidden: Collection[Path]) -> bool:
    nobodys = (path for name in NOBODYS for path in folder.rglob(name))
    return any(path.is_relative_to(folder) for path in hidden) or any(True for _ in nobodys)
