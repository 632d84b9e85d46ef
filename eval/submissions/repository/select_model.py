"""Reads the source of `select_model` of an NTIRE-style repository with Python's parser; nothing of it is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.text import unmistakable
from eval.submissions.repository.literals import CHECKPOINT_SUFFIXES, named, resolved

ENTRY = "test_demo.py"
NO_MODEL = "no model under this id: its branch of select_model does nothing"
MOST_KEY_CHARACTERS = 120
IMPORTERS = ("import_module", "__import__", "spec_from_file_location", "run_path", "exec")


@dataclass(frozen=True)
class Branch:
    """One submission as the source of `select_model` shows it: id, results key, files, imported modules.

    checkpoints: their paths in the repository, and each other path that they may mean. others: further files and
    folders of `model_zoo/`. is_all: False if the branch computes names of modules or checkpoints.
    program: for a team without a branch, the module of its `main` and the path that this is given.
    problem: why nothing can be run under this id, if so.
    """

    model_id: int
    name: str
    checkpoints: tuple[str, ...]
    modules: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    is_all: bool = True
    program: tuple[str, str] | None = None
    problem: str = ""


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
    """N of every `model_id == N`, `N == args.model_id` and `model_id in (N, ...)` in a condition."""
    for node in ast.walk(test):
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            continue
        left, right = node.left, node.comparators[0]
        values: list[ast.expr] = []
        if isinstance(node.ops[0], ast.Eq):
            values = [right] if _is_model_id(left) else [left] if _is_model_id(right) else []
        elif isinstance(node.ops[0], ast.In) and _is_model_id(left):
            values = right.elts if isinstance(right, (ast.Tuple, ast.List, ast.Set)) else []
        yield from (value for value in map(_integer, values) if value is not None)


def _is_model_id(node: ast.expr) -> bool:
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == "model_id"


def _integer(node: ast.expr) -> int | None:
    """The value of an integer literal, which may have a sign; None for any other expression."""
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    ):
        value = _integer(node.operand)
        return None if value is None else -value
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


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
        problem=NO_MODEL if all(map(_does_nothing, body)) else "",
    )


def _does_nothing(statement: ast.stmt) -> bool:
    """Whether a statement is `pass`, `...` or a docstring."""
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass) or is_constant


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
    """`name` as the submission states it, sure to begin with its own id: no team can appear under another's.

    What no terminal can show is escaped, as are twins of Latin letters, and a slash becomes `_`: no key is a path.

    >>> results_key("42_[FEAN]", 42), results_key("-1_IMDN", -1), results_key("07_Rival", 8)
    ('42_[FEAN]', '-1_IMDN', '08_07_Rival')
    """
    name = unmistakable(name.strip()).replace("/", "_")[:MOST_KEY_CHARACTERS]
    begins = re.match(r"(-?\d+)(?=_|$)", name, re.ASCII)
    if begins and int(begins.group(1)) == model_id:
        return name
    return f"{model_id:02}_{name or 'unnamed'}"
