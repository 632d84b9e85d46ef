"""Paths that Python source names in text it spells out: `os.path.join("model_zoo", "team03", "w.pth")` and the like."""

from __future__ import annotations

import ast
import posixpath
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

ZOO = "model_zoo"
CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt", ".pkl", ".safetensors")
MOST_CHARACTERS = 400  # of a text that may be a path
PATTERN = re.compile(r"[*?{}%\[\]]")  # of glob, format and %


@dataclass(frozen=True)
class Named:
    """Paths relative to a repository, and whether these are all: False where some name is only known in a run."""

    paths: tuple[str, ...]
    is_all: bool


def named(tree: ast.AST | list[ast.stmt], model_id: int | None = None) -> Named:
    """What the source names of `model_zoo/`, and checkpoints elsewhere; `model_id` is that variable's value.

    Raises RecursionError for expressions nested deeply.
    """
    paths: list[str] = []
    is_all = True
    for node in _expressions(tree, model_id):
        text = resolved(node, model_id)
        if text is None:
            is_all = is_all and not _computes(node)
        else:
            found = _paths(text)
            paths += found or ()
            is_all = is_all and found is not None
    return Named(tuple(dict.fromkeys(paths)), is_all)


def resolved(node: ast.AST | None, model_id: int | None = None) -> str | None:
    """The text of an expression without variables but `model_id`; of a joined path, what follows its last variable."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return _together([_formatted(part, model_id) for part in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _together([resolved(node.left, model_id), resolved(node.right, model_id)])
    parts = _joined(node)
    if not parts:
        return None
    texts = [resolved(part, model_id) for part in parts]
    # A variable may be the folder that a path begins with
    known = texts if texts[0] is not None else texts[1:]
    return posixpath.join(*map(str, known)) if known and None not in known else None


def _together(texts: list[str | None]) -> str | None:
    return None if None in texts else "".join(map(str, texts))


def _formatted(part: ast.expr, model_id: int | None) -> str | None:
    if not isinstance(part, ast.FormattedValue):
        return resolved(part)
    name = part.value.attr if isinstance(part.value, ast.Attribute) else getattr(part.value, "id", "")
    if name != "model_id" or model_id is None:
        return None
    spec = (resolved(part.format_spec) or "") if part.format_spec else ""
    return format(model_id, spec) if re.fullmatch(r"0?\d?d?", spec) else str(model_id)


def _joined(node: ast.AST | None) -> list[ast.expr]:
    """The parts of `os.path.join(a, b)`, `Path(a, b)` and `a / b`; none for anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [node.left, node.right]
    if not isinstance(node, ast.Call) or node.keywords:
        return []
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in ("join", "Path"):
        return [] if isinstance(function.value, ast.Constant) else node.args  # `", ".join(...)` joins no path
    return node.args if isinstance(function, ast.Name) and function.id in ("Path", "join", "str") else []


def _expressions(tree: ast.AST | list[ast.stmt], model_id: int | None) -> Iterator[ast.AST]:
    """Texts, and what is made of texts: the largest expressions that are known, all that are not."""
    waiting: deque[ast.AST] = deque(tree if isinstance(tree, list) else [tree])
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        made = isinstance(node, (ast.JoinedStr, ast.BinOp)) or _joined(node)
        if made or isinstance(node, ast.Constant):
            yield node
            if resolved(node, model_id) is not None:
                continue
        within = ast.iter_child_nodes(node)
        waiting += [
            one for one in within if not (isinstance(node, ast.JoinedStr) and isinstance(one, ast.Constant))
        ]


def _computes(node: ast.AST) -> bool:
    """Whether an expression that is not known makes a path of `model_zoo/`, or a checkpoint's."""
    texts = [
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    is_made = isinstance(node, (ast.JoinedStr, ast.BinOp)) or bool(_joined(node))
    return is_made and any(ZOO in text or text.endswith(CHECKPOINT_SUFFIXES) for text in texts)


def _paths(text: str) -> list[str] | None:
    """The paths that `text` may mean; None where it is a pattern of such paths, or all of `model_zoo/`."""
    if not text or len(text) > MOST_CHARACTERS or "\n" in text or "\0" in text:
        return []
    parts = posixpath.normpath(text).split("/")
    is_checkpoint = text.endswith(CHECKPOINT_SUFFIXES)
    if ZOO in parts:
        below = parts[len(parts) - parts[::-1].index(ZOO) :]
        return None if not below or PATTERN.search(text) else ["/".join([ZOO, *below])]
    if not is_checkpoint or text in CHECKPOINT_SUFFIXES or parts[0] in ("", ".."):
        return []
    if PATTERN.search(text):
        return None
    return ["/".join([ZOO, *parts]), *(["/".join(parts)] if len(parts) > 1 else [])]
