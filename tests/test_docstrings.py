"""What docstrings promise: examples run, and functions on arrays state shape, dtype and range."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_structure import product

# Folders and files whose public functions state shape, dtype and range of the arrays that they take and return.
# Functions on the weights of a network (pruning, folding) are not among them: weights have no range.
ON_ARRAYS = (
    "data", "eval/metrics", "eval/runtime", "eval/integrity", "leaderboard", "train/losses.py", "train/patches.py",
    "train/distill.py", "models/ensemble.py", "models/tiling.py",
)  # fmt: skip
ARRAY = re.compile(r"\b(NDArray|ndarray|ArrayLike|Tensor|Image|Pixels|FloatArray|IntArray)\b")
# Words that state each of them
SHAPE = (
    r"shapes?", r"height x width", r"H ?x ?W", r"scalar", r"one (number|value)", r"a number", r"per image",
    r"one-dimensional", r"dimensions", r"length",
)  # fmt: skip
DTYPE = (
    r"u?int\d*",
    r"float(32|64)?s?",
    r"bool(ean)?s?",
    r"dtypes?",
    r"integers?",
    r"tensors?",
)  # tensors hold floats
RANGE = (
    r"range", r"finite", r"any (real )?value", r"positive", r"non-negative", r"at least", r"above 0", r"between",
    r"inf", r"NaN", r"ms", r"dB", r"True",
)  # fmt: skip
STATED = {
    "shape": re.compile(rf"\b({'|'.join(SHAPE)})\b|\([A-Za-z0-9_*, ]+, ?[A-Za-z0-9_*, ]*\)", re.I),
    "dtype": re.compile(rf"\b({'|'.join(DTYPE)})\b", re.I),
    "range": re.compile(rf"\b({'|'.join(RANGE)})\b|\d ?(\.\.|to|-) ?\d|\[\d|[<>]=? ?\d|[≥≤]", re.I),
}


def files_on_arrays() -> list[Path]:
    return [
        path
        for path in product()
        if any(path == ROOT / name or path.is_relative_to(ROOT / name) for name in ON_ARRAYS)
    ]


def public_functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions of a module, and public methods of its public classes, with their names.

    A method without a docstring is left out if another class of the module documents it (a Protocol), and so is a
    network's `forward`, which its class documents.
    """
    body = ast.parse(path.read_text(encoding="utf-8")).body
    yield from (
        (node.name, node) for node in body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"
    )
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    methods = [(one.name, node) for one in classes for node in one.body if isinstance(node, ast.FunctionDef)]
    documented = {node.name for _, node in methods if ast.get_docstring(node)} | {"forward"}
    for owner, node in methods:
        inherits = node.name in documented and not ast.get_docstring(node)
        if owner[0] != "_" and node.name[0] != "_" and not inherits:
            yield f"{owner}.{node.name}", node


def array_types(function: ast.FunctionDef) -> set[str]:
    """The array types that a function takes or returns, by its annotations."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    annotations = [one.annotation for one in arguments] + [function.returns]
    return {name for one in annotations if one for name in ARRAY.findall(ast.unparse(one))}


def missing(function: ast.FunctionDef) -> list[str]:
    """Which of shape, dtype and range the docstring of a function on arrays does not state.

    The type `Image` states all three: `data.types` says what an image is.
    """
    types, text = array_types(function), ast.get_docstring(function) or ""
    if not types or (types == {"Image"} and text):
        return []
    return [word for word, pattern in STATED.items() if not pattern.search(text)]


def test_functions_on_arrays_state_shape_dtype_and_range() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}": lacking
        for path in files_on_arrays()
        for name, function in public_functions(path)
        if (lacking := missing(function))
    }
    assert not found


@pytest.mark.parametrize(
    ("source", "lacking"),
    [
        ("def f(x: Tensor) -> Tensor:\n '''Twice `x`.'''", ["shape", "dtype", "range"]),
        ("def f(x: NDArray[np.uint8]) -> float:\n '''Mean of `x`, uint8, (H, W, 3).'''", ["range"]),
        ("def f(x: Tensor) -> Tensor:\n '''Twice `x`: float32, (N, C, H, W), 0..1.'''", []),
        ("def f(x: Image) -> int:\n '''Number of colours of an image.'''", []),
        ("def f(x: int) -> int:\n '''Twice `x`.'''", []),
        ("def f(x: Image) -> int:\n pass", ["shape", "dtype", "range"]),
    ],
)
def test_what_a_docstring_lacks_is_named(source: str, lacking: list[str]) -> None:
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert missing(function) == lacking


def modules_with_examples() -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in product()
        if ">>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_give_what_they_show(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted and not outcome.failed


MAP_LINE = re.compile(r"^ *(\w+)  +\S", re.M)


def packages() -> list[Path]:
    return sorted({path.parent for path in product() if path.name == "__init__.py"})


@pytest.mark.parametrize("package", packages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_maps_of_packages_name_what_exists(package: Path) -> None:
    """A package's docstring may have a line for each of its modules: its name, two spaces or more, what it holds."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")), clean=False)
    named = MAP_LINE.findall(text or "")
    assert not [
        name for name in named if not list(package.glob(f"{name}.py")) + list(package.glob(f"{name}/*"))
    ]


def test_public_functions_on_images_of_data_have_an_example() -> None:
    functions = {
        f"{path.stem}.{name}": ast.get_docstring(node) or ""
        for path in product()
        if path.is_relative_to(ROOT / "data")
        for name, node in public_functions(path)
        if "." not in name and array_types(node) & {"Image", "NDArray"}
    }
    assert "images.read_rgb" in functions and "bicubic.imresize" in functions
    assert [name for name, text in functions.items() if ">>>" not in text] == []
