"""TOML files as typed data, with errors a person can act on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10 only
    import tomli as tomllib

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """Parse the TOML file at `path`. Raises InputError that names the file and the line at fault."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None


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
        got = "" if item["type"] in ("missing", "extra_forbidden") else f" (got {item['input']!r:.80})"
        problems.append(f"field '{field}': {item['msg'][:1].lower()}{item['msg'][1:]}{got}")
    return "; ".join(problems)
