"""A traced network's archive, read as data before torch opens it.

`torch.jit.load` runs code: an archive may bring methods that restore an object, and objects of torch's own classes. So
the sources in the archive are parsed first, in every method and class, whether it is called or not. Only torch's own
operators and named parts of a trace may be in them. What was read is packed again, so torch reads the same.
"""

from __future__ import annotations

import ast
import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from eval.worker.adapters.loaded_model import LoadError

# Namespaces of operators that can be watched while they run, and what a trace needs besides
WATCHED = ("aten", "torchvision")
PLUMBING = frozenset(
    f"prim::{name}"
    for name in (
        "Constant", "ListConstruct", "ListUnpack", "TupleConstruct", "TupleUnpack", "TupleIndex", "DictConstruct",
        "GetAttr", "NumToTensor", "If", "Loop", "Param", "Return", "Uninitialized", "RaiseException",
        "device", "dtype", "layout", "is_cuda", "data", "unchecked_cast", "min", "max", "abs",
    )
)  # fmt: skip
# Functions of TorchScript's own that sources call without a namespace
_WORDS = frozenset(
    (
        "Device", "abs", "annotate", "bool", "dict", "float", "getattr", "int", "isinstance", "len", "list", "max",
        "min", "range", "str", "tuple", "unchecked_cast", "uninitialized",
    )
)  # fmt: skip
_BASES = frozenset({"Module", "NamedTuple"})
# Members of an archive that torch reads: weights, constants, sources, versions (in one of two places)
_MEMBER = re.compile(
    r"[^/]+/(data\.pkl|constants\.pkl|(data|constants)/\d+|code/.+\.py|(\.data/)?version|byteorder)"
)
# How much larger an archive may be once unpacked: torch compresses sources only.
_MOST_GROWTH_BYTES = 64 << 20
_RUNS_AT_LOAD = ("__setstate__", "__getstate__", "__forward_hooks__", "__forward_pre_hooks__")


def is_watched(kind: str) -> bool:
    """Whether a node of a graph, such as `aten::add`, can be counted or does no work."""
    return kind.partition("::")[0] in WATCHED or kind in PLUMBING


def checked(content: bytes) -> bytes:
    """The archive with nothing but what was checked. Raises LoadError."""
    members = _members(content)
    hidden: set[str] = set()
    for name, data in members.items():
        if name.endswith(".py"):
            hidden |= set(_hidden(name, data))
        elif name.endswith(".pkl") and b"torch.classes" in data:
            hidden.add("an object of torch.classes")
    if hidden:
        raise LoadError(
            f"the traced network does work where it cannot be counted ({', '.join(sorted(hidden)[:3])})"
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _members(content: bytes) -> dict[str, bytes]:
    """What torch would read from the archive, by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = [entry for entry in archive.infolist() if _MEMBER.fullmatch(entry.filename)]
            if sum(entry.file_size for entry in found) > len(content) + _MOST_GROWTH_BYTES:
                raise LoadError("the traced network cannot be read (it grows when it is unpacked)")
            members = {entry.filename: archive.read(entry) for entry in found}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise LoadError(f"the traced network cannot be read ({error!s:.200})") from None
    if len({name.partition("/")[0] for name in members}) != 1 or len(members) != len(found):
        raise LoadError("the traced network cannot be read (expected one archive, each member once)")
    return members


def _hidden(name: str, source: bytes) -> Iterator[str]:
    """What a source has that cannot be counted."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield f"{name} is no source"
        return
    defined = {name for node in ast.walk(tree) for name in _functions(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base) for base in node.bases}
            yield from (f"a class of {base}" for base in bases - _BASES)
        elif isinstance(node, ast.Call):
            yield from _hidden_call(node.func, defined)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield "prim::SetAttr"
        elif isinstance(node, ast.Attribute) and ast.unparse(node).endswith("torch.classes"):
            yield "torch.classes"
        yield from (word for word in _RUNS_AT_LOAD if word in _names_bound(node))


def _functions(node: ast.AST) -> set[str]:
    """Names that a statement gives to functions of the archive, whose own source is parsed too."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("__torch__."):
        return _names_bound(node)
    return set()


def _names_bound(node: ast.AST) -> set[str]:
    """The names that a statement defines or assigns."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _hidden_call(called: ast.expr, defined: set[str]) -> Iterator[str]:
    """A call's operator if it cannot be counted. Methods of objects are parsed with their own source."""
    if isinstance(called, ast.Name):
        if called.id not in _WORDS | defined:
            yield called.id
        return
    root, *path = ast.unparse(called).split(".")
    if root == "ops" and not is_watched("::".join(path)):
        yield "::".join(path)
