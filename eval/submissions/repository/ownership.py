"""Which files of an NTIRE repository a submission may see: all files except those that only others own.

Teams share one repository. Without this rule each could load a rival's checkpoint or copy its network.

- A file with a number (`models/team25_EERN.py`) belongs to that submission alone.
- Any other file belongs to the submissions whose branch of `select_model` names it as a checkpoint or imports it,
  directly or through other files.
- Files that belong to no branch (utilities, configuration) are shared, and so are the entry point's own imports.
- If a branch computes a file name, its files cannot be known. Only numbered files are hidden from it.

Python's parser reads the files. Nothing in them is run.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.text import printable
from eval import files
from eval.submissions.repository import literals, select_model, visible_paths
from eval.submissions.repository.select_model import Branch, imported
from eval.submissions.team_number import team_number

SHARED_FOLDERS = ("models", literals.ZOO)  # where the challenges ask teams to put their files
BASELINE = 0  # the organiser's number: others may build on its files
HISTORY = ".git"  # holds everybody's files once more
MOST_BYTES = 4 << 20  # of a source file that is still parsed
MOST_FILES = 4000  # beside Python's, of one submission: each is hashed before and after it is judged
LISTING = frozenset(
    ("listdir", "scandir", "walk", "glob", "iglob", "rglob", "iterdir", "iter_modules", "walk_packages")
)


@dataclass(frozen=True)
class RepositoryShare:
    """The part of a repository that one submission gets.

    visible: files and folders that it may see. checkpoints: files that its branch names; some may be missing. data: its
    own files that are not Python. problem: why it cannot be judged, or empty.
    """

    visible: tuple[Path, ...]
    checkpoints: tuple[Path, ...]
    data: tuple[Path, ...]
    problem: str


@dataclass(frozen=True)
class _Source:
    """The imports and file names of a Python file. is_all: whether it computes none."""

    imports: tuple[Path, ...]
    named: tuple[str, ...]
    is_all: bool


class Ownership:
    """Finds the owners of all files in a repository."""

    def __init__(self, repo: Path, entry: Path, branches: Sequence[Branch]) -> None:
        """entry: the file with `select_model`, whose `branches` are the submissions."""
        self._repo, self._entry = repo, entry
        self._ids = {branch.model_id for branch in branches}
        self._sources: dict[Path, _Source] = {}
        self._nobodys = _nobodys(repo)
        self._numbered = self._find_numbered()
        self._numbers = {path.parts: number for path, number in self._numbered.items()}
        self._common = self._shared_by_all()
        reached = {branch.model_id: self._reached_by(branch) for branch in branches}
        self._computing = {one.model_id for one in branches if not self._is_all(one, reached[one.model_id])}
        self._own = {one.model_id: self._belonging(one, reached[one.model_id]) for one in branches}

    def share(self, branch: Branch, hidden: Collection[Path] = ()) -> RepositoryShare:
        """The share of `branch`, without the paths in `hidden`."""
        own = self._own[branch.model_id]
        shown = own | self._common
        others = {path for paths in self._own.values() for path in paths} - shown
        if branch.model_id in self._computing:
            others = {path for path in others if self._is_anothers(path, branch.model_id)}
        leading = {one for path in shown for one in (path, *path.parents)}
        for path in self._numbered:
            if self._is_anothers(path, branch.model_id):
                # Hide it whole. If something in it is shown, hide its other files one by one.
                others |= set(self._below(path)) - shown if path in leading else {path}
        secret = {*others, *self._nobodys, *(path for path in hidden if path.is_relative_to(self._repo))}
        visible, too_many = visible_paths.all_but(self._repo, secret, shown)
        data = tuple(path for path in sorted(own) if path.suffix != ".py" and self._is_fit(path))
        named = [self._repo / name for name in branch.checkpoints]
        return RepositoryShare(
            visible,
            tuple(path for path in named if not _lies_in(path, secret)),
            data[:MOST_FILES],
            self._too_deep(branch.model_id) or self._taken(branch) or too_many or _too_many(data),
        )

    def _too_deep(self, model_id: int) -> str:
        """Why a folder of this submission is nested too deep to be read, or empty."""
        mine = {path for path, number in self._numbered.items() if number == model_id}
        unseen = (path for path in self._nobodys if path.name != HISTORY)
        within = sorted(self._name(top) for path in unseen for top in mine & {path, *path.parents})
        reason = f"folders lie in each other more than {files.MAX_FOLDER_DEPTH} deep, or cannot be read"
        return f"{within[0]}: {reason}" if within else ""

    def _taken(self, branch: Branch) -> str:
        """Why the branch is refused because it names or imports another submission's numbered file, or empty."""
        named = [self._repo / name for name in branch.checkpoints]
        there = (path for path in [*named, *self._modules(branch.modules)] if os.path.isfile(path))
        taken = [
            path for path in there if path not in self._common and self._is_anothers(path, branch.model_id)
        ]
        return f"{self._name(taken[0])}: bears the number of another submission" if taken else ""

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self._repo).as_posix())

    def _is_fit(self, path: Path) -> bool:
        return os.path.isfile(path) and not files.unfit(path, self._repo)

    def _is_anothers(self, path: Path, model_id: int) -> bool:
        """Whether `path` has the number of another submission. 361 is a variant of 36 and may see its files."""
        number = self._numbers.get(path.parts[: len(self._repo.parts) + 2], BASELINE)
        is_variant = model_id >= 100 and model_id // 10 == number
        return number in self._ids - {BASELINE, model_id} and not is_variant

    def _find_numbered(self) -> dict[Path, int]:
        """The numbers of files and folders directly in `SHARED_FOLDERS`."""
        found = {
            path: team_number(path.name)
            for place in SHARED_FOLDERS
            for path in (self._repo / place).glob("*")
        }
        return {path: number for path, number in found.items() if number is not None}

    def _below(self, path: Path) -> list[Path]:
        """The file `path`, or all files in the folder `path`."""
        is_folder = os.path.isdir(path) and not os.path.islink(path) and path not in self._nobodys
        return list(files.walk(path, without=self._nobodys)) if is_folder else [path]

    def _shared_by_all(self) -> set[Path]:
        """The entry point, its imports and file names outside the branches, `models/__init__.py` and its imports."""
        tree = _parsed(self._entry, self._repo)
        nodes = list(select_model.outside_branches(tree))
        computed = filter(None, select_model.computed_imports(nodes))
        start = self._modules(
            [SHARED_FOLDERS[0], *computed, *(name for node in nodes for name in imported(node))]
        )
        found = self._reached(start)
        named = {self._repo / name for path in found for name in self._source(path).named}
        files_named = {
            path for path in named if os.path.isfile(path) and not self._is_anothers(path, BASELINE)
        }
        return {self._entry} | found | files_named

    def _is_all(self, branch: Branch, reached: Collection[Path]) -> bool:
        """Whether the source of `branch` spells out all files that it uses."""
        return branch.is_all and all(self._source(path).is_all for path in reached)

    def _belonging(self, branch: Branch, reached: set[Path]) -> set[Path]:
        names = [
            *branch.checkpoints,
            *branch.others,
            *(n for path in reached for n in self._source(path).named),
        ]
        named = {file for name in dict.fromkeys(names) for file in self._below(self._repo / name)}
        found = {path for path in reached | named if not self._is_anothers(path, branch.model_id)}
        numbered = (path for path, number in self._numbered.items() if number == branch.model_id)
        return (found | {file for path in numbered for file in self._below(path)}) - self._common

    def _modules(self, names: Iterable[str]) -> list[Path]:
        return [file for name in names for file in self._files_of(name)]

    def _reached_by(self, branch: Branch) -> set[Path]:
        """The source files that `branch` reaches, except shared ones and those of others."""
        return self._reached(
            self._modules(branch.modules),
            lambda path: path not in self._common and not self._is_anothers(path, branch.model_id),
        )

    def _reached(
        self, start: Iterable[Path], is_wanted: Callable[[Path], bool] = lambda _path: True
    ) -> set[Path]:
        """The files `start` and everything in the repository that they import, except the entry point."""
        found: set[Path] = set()
        waiting = list(start)
        while waiting:
            path = waiting.pop()
            if path not in found and path != self._entry and is_wanted(path):
                found.add(path)
                waiting += self._source(path).imports
        return found

    def _source(self, path: Path) -> _Source:
        if path not in self._sources:
            self._sources[path] = self._read(path)
        return self._sources[path]

    def _read(self, path: Path) -> _Source:
        tree = _parsed(path, self._repo)
        package = path.relative_to(self._repo).parts[:-1]
        nodes = list(ast.walk(tree))
        computed = select_model.computed_imports(nodes)
        names = [*(name for node in nodes for name in imported(node, package)), *filter(None, computed)]
        imports = self._modules(dict.fromkeys(names))
        if path.name == "__init__.py" and any(map(_lists, nodes)):
            # It imports all files it finds. It would fail if some of them were hidden.
            imports += [one for one in self._below(path.parent) if one.suffix == ".py"]
        try:
            named = literals.named(tree)
        except RecursionError:
            named = literals.Named((), is_all=False)
        return _Source(tuple(imports), named.paths, named.is_all and None not in computed)

    def _files_of(self, name: str) -> list[Path]:
        """Files of the repository that run if the dotted name `name` is imported."""
        parts = name.split(".")
        packages = [self._repo.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
        candidates = [*packages, self._repo.joinpath(*parts[:-1], f"{parts[-1]}.py")]
        return [
            path for path in candidates if os.path.isfile(path)
        ]  # no error for a name too long for a file


def _lies_in(path: Path, secret: Collection[Path]) -> bool:
    """Whether `path`, or the target of this link, is in `secret` or below one of its folders."""
    try:
        target = path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links; characters that no name can have
        return path in secret
    return any(one in secret for one in (path, *path.parents, target, *target.parents))


def _too_many(data: Sequence[Path]) -> str:
    if len(data) <= MOST_FILES:
        return ""
    return f"{len(data)} files beside Python's in its own folders, expected at most {MOST_FILES}"


def _lists(node: ast.AST) -> bool:
    """Whether a node calls a function that lists a folder."""
    function = node.func if isinstance(node, ast.Call) else None
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in LISTING


def _parsed(path: Path, repo: Path) -> ast.Module:
    """The syntax of a source file. A file that cannot be parsed gives an empty module; it cannot be imported either."""
    try:
        return ast.parse(b"" if files.unfit(path, repo, MOST_BYTES) else path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _nobodys(repo: Path) -> set[Path]:
    """Paths that are hidden from everybody: the history, unreadable folders, and folders nested too deep."""
    found: set[Path] = set()
    waiting = [(repo, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                below = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError:
            found.add(folder)
            continue
        for name, is_folder in below:
            if name == HISTORY or (is_folder and depth >= files.MAX_FOLDER_DEPTH):
                found.add(folder / name)
            elif is_folder:
                waiting.append((folder / name, depth + 1))
    return found
