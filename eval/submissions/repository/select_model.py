"""Reads the source of `select_model` of an NTIRE-style repository with Python's parser; nothing of it is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from eval.submissions.repository.literals import CHECKPOINT_SUFFIXES, named, resolved

ENTRY = "test_demo.py"
IMPORTERS = ("import_module", "__import__", "spec_from_file_location", "run_path", "exec")


@dataclass(frozen=True)
class Branch:
    """One submission as the source of `select_model` shows it: id, results key, files, imported modules.

    checkpoints: their paths in the repository, each other path that it may be too. others: further files and
    folders of `model_zoo/`. is_all: False where the branch computes names of modules or checkpoints.
    """

    model_id: int
    name: str
    checkpoints: tuple[str, ...]
    modules: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    is_all: bool = True


def discover(source: str) -> list[Branch]:
    """The branches `model_id == N` of `select_model` in the Python text `source`, in order of their ids.

    Raises ValueError where the text has no such function or cannot be parsed.
    """
    function = _select_model(ast.parse(source))
    if function is None:
        raise ValueError("no function select_model")
    branches: dict[int, Branch] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.If):
            for model_id in _compared_ids(node.test):
                branches.setdefault(model_id, _branch(model_id, node.body))
    return [branches[model_id] for model_id in sorted(branches)]


def _select_model(tree: ast.Module) -> ast.FunctionDef | None:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return next((node for node in functions if node.name == "select_model"), None)


def outside_branches(tree: ast.Module) -> Iterator[ast.AST]:
    """All nodes of an entry point but those in the branches of its `select_model`: what every submission shares."""
    function = _select_model(tree)
    inside = {
        statement
        for node in (ast.walk(function) if function else ())
        if isinstance(node, ast.If) and any(True for _ in _compared_ids(node.test))
        for statement in node.body
    }
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += (child for child in ast.iter_child_nodes(node) if child not in inside)


def _compared_ids(test: ast.expr) -> Iterator[int]:
    """N of every `model_id == N` or `args.model_id == N` in a condition."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            left, right = node.left, node.comparators[0]
            name = left.attr if isinstance(left, ast.Attribute) else getattr(left, "id", "")
            if name == "model_id" and isinstance(right, ast.Constant) and isinstance(right.value, int):
                yield right.value


def _branch(model_id: int, body: list[ast.stmt]) -> Branch:
    nodes = [node for statement in body for node in ast.walk(statement)]
    assigned = (_assigned_name(node, model_id) for node in nodes if isinstance(node, ast.Assign))
    paths = named(body, model_id)
    checkpoints = tuple(path for path in paths.paths if path.endswith(CHECKPOINT_SUFFIXES))
    computed = computed_imports(nodes, model_id)
    modules = dict.fromkeys(
        [*(module for node in nodes for module in imported(node)), *filter(None, computed)]
    )
    return Branch(
        model_id,
        results_key(next(filter(None, assigned), ""), model_id),
        checkpoints,
        tuple(modules),
        tuple(path for path in paths.paths if path not in checkpoints),
        paths.is_all and None not in computed,
    )


def computed_imports(nodes: Iterable[ast.AST], model_id: int | None = None) -> list[str | None]:
    """The names given to `importlib.import_module` and its kin; None for each that only a run knows.

    Where `sys.path` is changed, no name is sure either.
    """
    found: list[str | None] = []
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr == "path" and getattr(node.value, "id", "") == "sys":
            found.append(None)
        function = node.func if isinstance(node, ast.Call) else None
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if isinstance(node, ast.Call) and name in IMPORTERS:
            plain = name in IMPORTERS[:2] and node.args
            found.append(_spelled(node.args[0], model_id) if plain else None)
    return found


def _spelled(name: ast.expr, model_id: int | None) -> str | None:
    try:
        return resolved(name, model_id)
    except RecursionError:
        return None


def imported(node: ast.AST, package: Sequence[str] = ()) -> list[str]:
    """Dotted names that an import statement in a file of `package` may mean: modules, and members that may be some.

    None for other nodes.
    """
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = package[: len(package) - node.level + 1] if node.level else ()
    base = [*above, *([node.module] if node.module else [])]
    members = [".".join([*base, alias.name]) for alias in node.names]
    return [*([".".join(base)] if base else []), *members]


def _assigned_name(node: ast.Assign, model_id: int) -> str:
    """The text assigned to `name` by `name = ...` or `name, data_range = ...`."""
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for left, right in zip(target.elts, value.elts, strict=False):
            if getattr(left, "id", "") == "name":
                return resolved(right, model_id) or ""
    return (resolved(value, model_id) or "") if getattr(target, "id", "") == "name" else ""


def results_key(name: str, model_id: int) -> str:
    """`name` without padding, sure to begin with its own id, so that no team can appear under another's."""
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", name.strip())[:60]
    begins = re.match(r"0*(\d+)(?=_|$)", name)
    if begins and int(begins.group(1)) == model_id:
        return name
    return f"{model_id:02}_{name or 'unnamed'}"
