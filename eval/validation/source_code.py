"""What a script says about itself, read as syntax: nothing of it is run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from data.errors import InputError
from eval import files
from eval.submissions.manifest import MODELS, ROOT

MAX_SOURCE_BYTES = 1 << 24
# Distributions whose modules have another name.
MODULES_OF = {
    "opencv-python-headless": "cv2", "scikit-image": "skimage", "pillow": "PIL", "nvidia-ml-py": "pynvml",
}  # fmt: skip


@dataclass(frozen=True)
class SourceLine:
    """A line of a source file, and what stands there."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.text} at {self.file}:{self.line}"


@dataclass(frozen=True)
class Imported:
    """A module that a script imports. may_lack: whether the script catches its absence."""

    name: str
    place: SourceLine
    may_lack: bool


@dataclass(frozen=True)
class SourceFile:
    """The syntax of one file, without what only runs if the file is a program itself."""

    path: Path
    tree: ast.Module

    @classmethod
    def read(cls, path: Path) -> SourceFile:
        """Raises InputError with the line at fault for what is no Python."""
        text = files.read_text(path, MAX_SOURCE_BYTES)
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
            told = error.msg if isinstance(error, SyntaxError) else (str(error) or "nested too deeply")
            raise InputError(f"{path.name}{line}: not valid Python: {told}") from None
        tree.body = [node for node in tree.body if not _is_main_guard(node)]
        return cls(path, tree)

    def calls(self) -> Iterator[tuple[str, ast.Call, SourceLine]]:
        """Every call: the dotted name of what is called, the call and its place."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                yield name, node, SourceLine(self.path.name, node.lineno, f"{name[-60:]}()")

    def texts(self) -> Iterator[tuple[str, SourceLine]]:
        """Every text that is no docstring."""
        documents = {
            id(node.value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                yield node.value, SourceLine(self.path.name, node.lineno, repr(node.value[:40]))

    def imported(self) -> Iterator[Imported]:
        """Every import that names a module absolutely."""
        caught = {
            id(one)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Try)
            for statement in node.body
            for one in ast.walk(statement)
        }
        for node in ast.walk(self.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                place = SourceLine(self.path.name, getattr(node, "lineno", 0), f"import {name}")
                yield Imported(name, place, id(node) in caught)

    def classes(self) -> list[str]:
        """Names of the classes of networks: those with a method `forward`, the outermost last."""
        found = [node for node in self.tree.body if isinstance(node, ast.ClassDef) and _has_forward(node)]
        names = {node.name for node in found}
        used = {
            one.id
            for node in found
            for one in ast.walk(node)
            if isinstance(one, ast.Name) and one.id in names and one.id != node.name
        }
        return sorted(names, key=lambda name: (name not in used, [n.name for n in found].index(name)))

    def defines(self, name: str) -> bool:
        """Whether the file has `name` at its top level, as far as the syntax tells."""
        for node in ast.walk(ast.Module(self.tree.body, [])):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
                return True
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                if any((alias.asname or alias.name) in (name, "*") for alias in node.names):
                    return True
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name:
                return True
        return False


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _has_forward(node: ast.ClassDef) -> bool:
    return any(isinstance(one, ast.FunctionDef) and one.name == "forward" for one in node.body)


def judges_packages() -> frozenset[str]:
    """Top-level modules that the judge has for sure: those of `requirements.txt`."""
    names = set()
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            name = "".join(c if c.isalnum() or c in "-_" else " " for c in text).split()[0]
            names.add(MODULES_OF.get(name, name.replace("-", "_")))
    return frozenset(names)


def is_standard(name: str) -> bool:
    return name in sys.stdlib_module_names


def is_installed(name: str) -> bool:
    """Whether the interpreter finds the top-level module `name` outside the project. Nothing is imported."""
    places = [place for place in sys.path if place and Path(place).resolve() != ROOT]
    return PathFinder.find_spec(name, places) is not None


def is_shared(name: str) -> bool:
    """Whether `models.NAME` is a module that all submissions may import."""
    module = name.removeprefix("models.").partition(".")[0]
    return name == "models" or (not module.startswith("team") and (MODELS / f"{module}.py").is_file())
