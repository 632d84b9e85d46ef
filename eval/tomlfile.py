"""TOML files as typed data, with errors a person can act on."""

from __future__ import annotations

import difflib
import sys
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data.errors import InputError
from data.text import printable
from eval import files

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10 only
    import tomli as tomllib

Model = TypeVar("Model", bound=BaseModel)
_MOST_BYTES = 1 << 20
_MOST_INTEGER = 2**63  # TOML's integers have 64 bits
_MOST_DEPTH = 32  # of tables and lists in each other; what reads them recurses


def read_toml(path: Path) -> dict[str, Any]:
    """Parse the TOML file at `path`. Raises InputError that names the file and the line at fault."""
    text = files.read_text(path, _MOST_BYTES)
    try:
        content = tomllib.loads(text)
        _check(content, _MOST_DEPTH)
    except (ValueError, RecursionError, MemoryError) as error:  # nested too deeply: the last two
        raise InputError(f"{path}: not valid TOML: {error or type(error).__name__}") from None
    return content


def _check(value: Any, levels: int) -> None:
    """Raise ValueError for more than `levels` of tables and lists in each other, and for an integer too large for TOML.

    Python's integers have no end, and very long ones fail when they are shown.
    """
    if levels < 0:
        raise ValueError(f"tables or lists in each other more than {_MOST_DEPTH} deep")
    if isinstance(value, int) and not -_MOST_INTEGER <= value < _MOST_INTEGER:
        raise ValueError("an integer of more than 64 bits")
    if isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, levels - 1)


def validate(model: type[Model], content: dict[str, Any], origin: object) -> Model:
    """`content` as a `model`. Raises InputError that lists every wrong field of `origin` on one line."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{origin}: {field_problems(error, model)}") from None


def validate_json(model: type[Model], text: str, origin: object) -> Model:
    """The JSON `text` as a `model`. Raises InputError as `validate` does; text that is no JSON is named as such."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"{origin}: {field_problems(error, model)}") from None


def load_toml(model: type[Model], path: Path) -> Model:
    """The TOML file at `path` as a `model`."""
    return validate(model, read_toml(path), path)


def field_problems(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """All problems of a pydantic error as `field: problem (got value)`, joined by semicolons.

    model: what was validated; with it, the nearest name is given for an unknown field.
    """
    problems = []
    for item in error.errors(include_url=False):
        where = [printable(str(part)) for part in item["loc"]]
        message, got = f"{item['msg'][:1].lower()}{item['msg'][1:]}", f" (got {_shown(item['input'])})"
        if item["type"] == "extra_forbidden":
            message, got = message + _nearest(item["loc"], model), ""
        elif item["type"] == "missing":
            got = ""
        problems.append(f"field '{'.'.join(where) or 'file'}': {printable(message)}{got}")
    return "; ".join(problems)


def _nearest(place: Sequence[int | str], model: type[BaseModel] | None) -> str:
    """What the unknown field at `place` may have been meant to be, for a message."""
    if model is None:
        return ""
    names = _field_names(place[:-1], model)
    folded = {name.casefold().replace("-", "_"): name for name in names}
    near = difflib.get_close_matches(str(place[-1]).casefold().replace("-", "_"), folded, n=1)
    return f", did you mean '{folded[near[0]]}'?" if near else f" (there are: {', '.join(names)})"


def _field_names(table: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """The fields of the models that may stand in a table, such as `("parts", "encoder")`."""
    models = [model]
    for part in table:
        fields = [field for one in models for name, field in _fields(one).items() if name == part]
        # Anything else is an index, a key of a mapping, or the tag of a union.
        models = [one for field in fields for one in _models_in(field)] or models
    return list(dict.fromkeys(name for one in models for name in _fields(one)))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The type of each field by the name that it has in a file."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type is made of: `dict[str, M] | None` is made of M."""
    if (
        typing.get_origin(annotation) is None
        and isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
    ):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]


def _shown(value: object) -> str:
    try:
        return f"{value!r:.80}"
    except ValueError:  # an integer of more digits than Python writes
        return f"a very large {type(value).__name__}"
