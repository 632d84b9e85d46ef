"""What is wrong with a recipe, as one line that a person can act on."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from data.text import did_you_mean, printable
from train.schema.fields import IMPORT_PATH, RECIPE_NAME, STAGE_NAME

MOST_PROBLEMS = 5
# Pydantic's words for types of Python, in the words of TOML.
KINDS = {
    "model_type": "should be a table",
    "dict_type": "should be a table",
    "tuple_type": "should be a list",
    "too_short": "should hold at least one item",
}
PATTERNS = {
    IMPORT_PATH: "should be written as 'module:Name'",
    RECIPE_NAME: "should be made of letters, digits and _ . + -",
    STAGE_NAME: "should be made of lower-case letters, digits and _",
}
Place = tuple[Any, ...]


def problems(error: ValidationError, model: type[BaseModel], content: Mapping[str, Any]) -> str:
    """The problems of `content` as a `model`: `field 'PLACE': what is wrong`, joined by semicolons.

    A stage is called by its name. After `MOST_PROBLEMS` problems the rest is only counted.
    """
    items = _causes(error.errors(include_url=False), model)
    lines = [_problem(item, model, content) for item in items[:MOST_PROBLEMS]]
    if len(items) > MOST_PROBLEMS:
        lines.append(f"and {len(items) - MOST_PROBLEMS} more")
    return printable("; ".join(lines))


def _causes(items: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> list[Mapping[str, Any]]:
    """`items` without consequences of others: a table that lacks what it misspells, a list that lost its items."""
    places = [item["loc"] for item in items]
    meant = {
        (*place[:-1], *difflib.get_close_matches(str(place[-1]), _fields_beside(place, model), n=1))
        for item in items
        if item["type"] == "extra_forbidden" and (place := item["loc"])
    }

    def consequence(item: Mapping[str, Any]) -> bool:
        place = item["loc"]
        if item["type"] == "too_short":
            return any(len(other) > len(place) and other[: len(place)] == place for other in places)
        return item["type"] == "missing" and place in meant

    return [item for item in items if not consequence(item)]


def _problem(item: Mapping[str, Any], model: type[BaseModel], content: Mapping[str, Any]) -> str:
    place: Place = item["loc"]
    if not place:
        return _reason(item)  # a check over several fields, which names them itself
    return f"field '{_shown_place(place, content)}': {_reason(item, _fields_beside(place, model))}"


def _reason(item: Mapping[str, Any], beside: Sequence[str] = ()) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        hint, names = did_you_mean(str(item["loc"][-1]), beside), ", ".join(beside)
        return f"unknown{hint or f', expected one of {names}'}"
    if kind == "missing":
        return "missing"
    message = item["msg"].removeprefix("Value error, ").replace("Input should ", "should ", 1)
    if kind == "value_error":
        return message
    message = KINDS.get(kind, message)
    found = _shown_value(item["input"])
    if kind == "string_pattern_mismatch":
        return f"{PATTERNS.get(item['ctx']['pattern'], message)}, found {found}"
    hint = ""
    if kind == "literal_error" and isinstance(item["input"], str):
        hint = did_you_mean(item["input"], re.findall(r"'([^']+)'", item["ctx"]["expected"]))
    return f"{message[:1].lower()}{message[1:]}, found {found}{hint}"


def _shown_place(place: Place, content: Mapping[str, Any]) -> str:
    """`stages.NAME.losses.0.name` for ("stages", 3, "losses", 0, "name")."""
    parts = [str(part) for part in place]
    if len(place) > 1 and place[0] == "stages":
        with contextlib.suppress(KeyError, TypeError, IndexError):  # without a name the number stays
            parts[1] = str(content["stages"][place[1]]["name"])
    return ".".join(parts)


def _shown_value(value: object) -> str:
    if isinstance(value, (dict, list)):
        kind = "table" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    return f"{value!r:.80}"


def _fields_beside(place: Place, model: type[BaseModel]) -> list[str]:
    """The fields that the table at the last part of `place` may have."""
    current: type[BaseModel] = model
    for part in place[:-1]:
        field = next((one for name, one in current.model_fields.items() if part in (name, one.alias)), None)
        inner = None if field is None else _model_in(field.annotation)
        current = current if inner is None else inner  # a number or a free name leads no deeper
    return [field.alias or name for name, field in current.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `tuple[Stage, ...]` or `Prune | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
