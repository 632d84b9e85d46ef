"""Finds teams of an Image SR repository of 2025 or 2026 that have no branch of `select_model`, by their folders.

The challenge asks for code in `models/teamNN_Name/` and weights in `model_zoo/teamNN_Name/`, and for a function that
takes `model_dir, input_path, output_path, device`. The published repositories call this function `main`, mostly in
`io.py`. Organisers add the branch later, or never. Only Python's parser reads the files; nothing of them is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from data.text import printable
from eval.submissions.repository.entry_point import parsed_source
from eval.submissions.repository.literals import CHECKPOINT_SUFFIXES, ZOO
from eval.submissions.repository.select_model import Branch, results_key
from eval.submissions.team_number import team_number

MODELS_FOLDER = "models"
TEAM = re.compile(r"team_?\d+_+(?=.)", re.IGNORECASE)
FUNCTION = "main"
PARAMETERS = ["model_dir", "input_path", "output_path", "device"]
USUAL_FILES = ("__init__.py", "io.py", "main.py")  # in this order; else the one file that has the function
_MOST_SOURCE_BYTES = 4 << 20


def without_branch(repo: Path, known: Collection[int]) -> list[Branch]:
    """The teams with a folder `models/teamNN_Name/` whose number is not in `known`, in the order of their numbers."""
    found: dict[int, list[Path]] = {}
    for folder in sorted((repo / MODELS_FOLDER).glob("*")):
        number = team_number(folder.name)
        is_folder = folder.is_dir() and not folder.is_symlink()
        if number is not None and TEAM.match(folder.name) and is_folder and number not in known:
            found.setdefault(number, []).append(folder)
    return [_branch(repo, model_id, folders) for model_id, folders in sorted(found.items())]


def _branch(repo: Path, model_id: int, folders: list[Path]) -> Branch:
    name = results_key(f"{model_id:02}_{TEAM.sub('', folders[0].name, count=1)}", model_id)
    if len(folders) > 1:
        shown = " and ".join(_shown(repo, folder) for folder in folders)
        return Branch(
            model_id, name, (), problem=f"{shown}: both have number {model_id}, expected one folder"
        )
    sources = {
        path: tree
        for path in sorted(folders[0].glob("*.py"))
        if (tree := parsed_source(path, repo, _MOST_SOURCE_BYTES))
    }
    chosen = _chosen([path for path, tree in sources.items() if _has_function(tree)])
    if isinstance(chosen, list):
        return Branch(model_id, name, (), problem=_no_program(repo, folders[0], chosen))
    parts = [*folders[0].relative_to(repo).parts, *([] if chosen.stem == "__init__" else [chosen.stem])]
    module = ".".join(parts)
    weights, checkpoints = _weights(repo, model_id, folders[0].name, _joins(sources.values()))
    return Branch(model_id, name, checkpoints, (module,), (weights,), program=(module, weights))


def _chosen(candidates: list[Path]) -> Path | list[Path]:
    """The file whose function is called, or all candidates if it is not clear which one."""
    usual = {path.name: path for path in candidates if path.name in USUAL_FILES}
    if usual:
        return next(usual[name] for name in USUAL_FILES if name in usual)
    return candidates[0] if len(candidates) == 1 else candidates


def _no_program(repo: Path, folder: Path, candidates: list[Path]) -> str:
    function = f"{FUNCTION}({', '.join(PARAMETERS)})"
    if candidates:
        names = ", ".join(printable(path.name) for path in candidates)
        found = f"{len(candidates)} files with a function {function} ({names}), none of them io.py or main.py"
    else:
        found = f"no file with a function {function}"
    return f"{_shown(repo, folder)}: no branch of select_model, and {found}; add a branch for it to the entry point"


def _shown(repo: Path, path: Path) -> str:
    return printable(f"{path.relative_to(repo).as_posix()}/")


def _has_function(tree: ast.Module) -> bool:
    """Whether a file defines the function that the challenge calls, with the parameters that it calls it by."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTION:
            given = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            return set(PARAMETERS) <= set(given) or node.args.kwarg is not None
    return False


def _joins(trees: Iterable[ast.Module]) -> bool:
    """Whether some source makes paths below `model_dir`: by a join, `/` or a formatted text."""
    return any(_is_below(node) for tree in trees for node in ast.walk(tree))


def _is_below(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name in ("join", "Path", "listdir", "glob") and any(map(_is_model_dir, node.args))
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
        return _is_model_dir(node.left)
    return isinstance(node, ast.JoinedStr) and any(
        isinstance(part, ast.FormattedValue) and _is_model_dir(part.value) for part in node.values[:-1]
    )


def _is_model_dir(node: ast.expr) -> bool:
    return getattr(node, "id", "") == PARAMETERS[0]


def _weights(repo: Path, model_id: int, folder_name: str, joins: bool) -> tuple[str, tuple[str, ...]]:
    """What `model_dir` is, and the same path once more if it is a checkpoint file; paths in the repository.

    By the rules it is the team's folder in `model_zoo/`. Most programs load it as a file though: if the folder, or
    `model_zoo/` itself, holds one checkpoint of the team and no source makes paths below `model_dir`, it is that file.
    """
    numbered = [path for path in sorted((repo / ZOO).glob("*")) if team_number(path.name) == model_id]
    folders = [path for path in numbered if path.is_dir()]
    own = [path for path in numbered if path.name == folder_name] or folders
    below = [path for folder in folders for path in sorted(folder.glob("*"))]
    checkpoints = [
        path for path in (*numbered, *below) if path.suffix in CHECKPOINT_SUFFIXES and path.is_file()
    ]
    chosen = own[0] if own else repo / ZOO / folder_name
    if len(checkpoints) == 1 and not (joins and own):
        chosen = checkpoints[0]
    return _in(repo, chosen), tuple(_in(repo, path) for path in checkpoints if path == chosen)


def _in(repo: Path, path: Path) -> str:
    return path.relative_to(repo).as_posix()
