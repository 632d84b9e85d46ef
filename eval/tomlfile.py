"""TOML files as typed data, with errors a person can act on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data.errors import InputError
from eval import files

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10 only
    import tomli as tomllib

Model = TypeVar("Model", bound=BaseModel)
MAX_BYTES = 1 << 20
MAX_INTEGER = 2**63  # TOML's integers have 64 bits
MAX_DEPTH = 32  # of tables and lists in each other; what reads them recurses


def read_toml(path: Path) -> dict[str, Any]:
    """Parse the TOML file at `path`. Raises InputError that names the file and the line at fault."""
    text = files.read_text(path, MAX_BYTES)
    try:
        content = tomllib.loads(text)
        _check(content, MAX_DEPTH)
    except (ValueError, RecursionError, MemoryError) as error:  # nested too deeply: the last two
        raise InputError(f"{path}: not valid TOML: {error or type(error).__name__}") from None
    return content


def _check(value: Any, levels: int) -> None:
    """Raise ValueError for more than `levels` of tables and lists in each other, and for an integer that is none
    in TOML: Python's have no end, and fail where shown.
    """
    if levels < 0:
        raise ValueError(f"tables or lists in each other more than {MAX_DEPTH} deep")
    if isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
        raise ValueError("an integer of more than 64 bits")
    if isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, levels - 1)


def validate(model: type[Model], content: dict[str, Any], origin: object) -> Model:
    """`content` as a `model`. Raises InputError that lists every wrong field of `origin` on one line."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{origin}: {describe(error)}") from None


def load(model: type[Model], path: Path) -> Model:
    """The TOML file at `path` as a `model`."""
    return validate(model, read_toml(path), path)


def describe(error: ValidationError) -> str:
    """All problems of a pydantic error as `field: problem (got value)`, joined by semicolons."""
    problems = []
    for item in error.errors(include_url=False):
        field = ".".join(str(part) for part in item["loc"]) or "file"
        got = "" if item["type"] in ("missing", "extra_forbidden") else f" (got {_shown(item['input'])})"
        problems.append(f"field '{field}': {item['msg'][:1].lower()}{item['msg'][1:]}{got}")
    return "; ".join(problems)


def _shown(value: object) -> str:
    try:
        return f"{value!r:.80}"
    except ValueError:  # an integer of more digits than Python writes
        return f"a very large {type(value).__name__}"
