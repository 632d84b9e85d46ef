"""docs/submissions.md lists every field of a manifest, and none that is not one."""

from __future__ import annotations

import sys
from typing import Any, get_args

from pydantic import BaseModel

from eval.submissions.manifest import Manifest
from tests.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10 only
    import tomli as tomllib


def field_names(model: type[BaseModel], prefix: str = "") -> set[str]:
    """`checkpoint.file`, `parts.*.file`, ...: every field of a manifest by its place in the TOML file."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        place = f"{prefix}{field.alias or name}"
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        inner = next((kind for kind in kinds if issubclass(kind, BaseModel)), None)
        if inner is None:
            names.add(place)
        else:
            names |= field_names(inner, f"{place}.*." if dict in kinds or place == "parts" else f"{place}.")
    return names


def shown_names(content: dict[str, Any], prefix: str = "") -> set[str]:
    """The same of what an example gives; what stands in `args` is the class's business."""
    names: set[str] = set()
    for name, value in content.items():
        place = f"{prefix}{name}"
        if not isinstance(value, dict) or place == "args":
            names.add(place)
        elif place == "parts":
            names |= {inner for part in value.values() for inner in shown_names(part, "parts.*.")}
        else:
            names |= shown_names(value, f"{place}.")
    return names


def test_every_field_is_named_and_no_other() -> None:
    page = (ROOT / "docs" / "submissions.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    shown = set().union(*(shown_names(tomllib.loads(block)) for block in blocks))
    same = {name.replace("checkpoint.", "reproduced.") for name in shown if name.startswith("checkpoint.")}
    same |= {name.replace("checkpoint.", "parts.*.") for name in shown if name.startswith("checkpoint.")}
    known = field_names(Manifest)
    assert shown <= known
    assert known - shown <= same  # `reproduced` and `parts` take what `checkpoint` takes
    assert {"reproduced.file", "parts.*.file", "ensemble.members"} <= shown
