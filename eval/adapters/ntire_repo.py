"""NTIRE-style repositories, unmodified: `test_demo.py` with `select_model(args, device)`.

Parent half: `discover` reads the source of `select_model` with Python's parser and runs nothing of it.
Worker half: `load` calls the repository's own `select_model` and, where it has one, its `forward_teamNN`.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.adapters.loaded import Loaded, LoadError

if TYPE_CHECKING:
    import torch

ENTRY = "test_demo.py"
CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt", ".pkl", ".safetensors")


@dataclass(frozen=True)
class Branch:
    """One submission as the source of `select_model` shows it: id, results key, checkpoint names, imported modules."""

    model_id: int
    name: str
    checkpoints: tuple[str, ...]
    modules: tuple[str, ...] = ()


def discover(source: str) -> list[Branch]:
    """The branches `model_id == N` of `select_model` in the Python text `source`, in order of their ids.

    Raises ValueError where the text has no such function or cannot be parsed.
    """
    function = next(
        (node for node in ast.walk(ast.parse(source))
         if isinstance(node, ast.FunctionDef) and node.name == "select_model"),
        None,
    )  # fmt: skip
    if function is None:
        raise ValueError("no function select_model")
    branches: dict[int, Branch] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.If):
            for model_id in _compared_ids(node.test):
                branches.setdefault(model_id, _branch(model_id, node.body))
    return [branches[model_id] for model_id in sorted(branches)]


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
    pieces = {id(value) for node in nodes if isinstance(node, ast.JoinedStr) for value in node.values}
    name, checkpoints = "", []
    for node in nodes:
        if isinstance(node, ast.Assign) and not name:
            name = _assigned_name(node, model_id)
        whole = isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in pieces
        text = _text(node, model_id) if whole else ""
        if text.endswith(CHECKPOINT_SUFFIXES):
            checkpoints.append(os.path.basename(text))
    modules = dict.fromkeys(module for node in nodes for module in imported(node))
    return Branch(model_id, results_key(name, model_id), tuple(dict.fromkeys(checkpoints)), tuple(modules))


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
                return _text(right, model_id)
    return _text(value, model_id) if getattr(target, "id", "") == "name" else ""


def _text(node: ast.AST, model_id: int) -> str:
    """A string literal or an f-string whose only variable is `model_id`; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            if getattr(part.value, "id", "") != "model_id":
                return ""
            spec = _text(part.format_spec, model_id) if part.format_spec else ""
            parts.append(format(model_id, spec) if re.fullmatch(r"0?\d?d?", spec) else str(model_id))
        else:
            parts.append(_text(part, model_id))
    return "".join(parts)


def results_key(name: str, model_id: int) -> str:
    """`name` without padding, sure to begin with its own id, so that no team can appear under another's."""
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", name.strip())[:60]
    begins = re.match(r"0*(\d+)(?=_|$)", name)
    if begins and int(begins.group(1)) == model_id:
        return name
    return f"{model_id:02}_{name or 'unnamed'}"


def load(source: dict[str, Any], device: torch.device, scale: int) -> Loaded:
    """Call the repository's own `select_model`; `source` holds `repo`, `model_id` and `allow_pickle`.

    Raises LoadError, or whatever the repository raises.
    """
    repo, model_id = source["repo"], int(source["model_id"])
    os.chdir(repo)
    sys.path.insert(0, repo)
    sys.argv = [ENTRY, "--model_id", str(model_id)]
    entry = importlib.import_module(Path(ENTRY).stem)
    args = argparse.Namespace(
        model_id=model_id, data_dir="../", save_dir="../results", include_test=False, ssim=False
    )
    selected = entry.select_model(args, device)
    if not isinstance(selected, tuple) or len(selected) < 3:
        raise LoadError("select_model returned something else than (model, name, data_range, tile)")
    model, name, data_range, tile = (*selected, None)[:4]
    if not callable(getattr(model, "eval", None)):
        raise LoadError(
            f"select_model returned a {type(model).__name__} as model, expected a torch.nn.Module"
        )
    model.eval().to(device)
    return Loaded(model, _forward(entry, model_id, model, tile, scale), float(data_range), str(name))


def _forward(entry: Any, model_id: int, model: Any, tile: Any, scale: int) -> Callable[[Any], Any]:
    """The repository's forward function: the team's own where there is one, else the common one."""
    for name in (f"forward_team{model_id:02}", f"forward_team{model_id}", "forward"):
        function = getattr(entry, name, None)
        if callable(function):
            return lambda image: function(image, model, tile)
    if tile is not None:
        raise LoadError(f"{ENTRY} has no function forward for a model with tile={tile} (scale {scale})")
    return lambda image: model(image)
