"""One factsheet to proposed claims and team details, and the conflicts in it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.claims.factsheet.figures import ProposedClaim, Value, figures
from eval.claims.factsheet.passages import Passage, read_passages

TEAM_FIELDS = {
    "team": r"team name|^team",
    "title": r"(method|solution) (title|name)|name of the (method|solution)|title of the (method|solution)",
    "members": r"team members?( names?)?|members",
    "leader": r"team leader( name)?",
    "email": r"e-?mail( address)?",
    "affiliation": r"affiliations?",
    "code": r"(link to the )?(codes?|code and executables?)( link| url)?|github",
}
# The CodaLab readme.txt: fixed questions, one a line
README = {
    "runtime per image [s]": ("runtime_ms", 1e3),
    "extra data [1] / no extra data [0]": ("extra_data", 1),
}


@dataclass(frozen=True)
class Conflict:
    """A field that the text states with different values."""

    field: str
    found: tuple[ProposedClaim, ...]


@dataclass(frozen=True)
class Factsheet:
    """What a text proposes. claims: the surest finding of each field. team: details by name."""

    claims: dict[str, ProposedClaim]
    team: dict[str, str]
    conflicts: tuple[Conflict, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "claims": {name: _plain(one) for name, one in self.claims.items()},
            "team": self.team,
            "conflicts": [
                {"field": one.field, "found": [_plain(each) for each in one.found]} for one in self.conflicts
            ],
        }


def parse_factsheet(path: Path, names: Collection[str] = ()) -> Factsheet:
    """The factsheet at `path`. names: of the team and its method, by which its row of a table is known.

    Raises InputError for a file that cannot be read.
    """
    return from_passages(read_passages(path), names)


def from_passages(passages: list[Passage], names: Collection[str] = ()) -> Factsheet:
    """The same from passages that were read already."""
    team = _team(passages)
    known = [*names, *(team[field] for field in ("team", "title") if field in team)]
    by_field: dict[str, list[ProposedClaim]] = {}
    for one in [*_readme(passages), *figures(passages, known)]:
        by_field.setdefault(one.field, []).append(one)
    claims, conflicts = {}, []
    for field, found in by_field.items():
        claims[field] = max(found, key=lambda one: one.confidence)
        different = {one.value: one for one in reversed(found) if not _same(one.value, claims[field].value)}
        if different:
            conflicts.append(Conflict(field, (claims[field], *reversed(different.values()))))
    return Factsheet(claims, team, tuple(conflicts))


def _same(first: Value, second: Value) -> bool:
    """Whether two values may be the same figure, printed with different numbers of digits."""
    if isinstance(first, tuple) and isinstance(second, tuple):
        return set(first) <= set(second) or set(second) <= set(first)
    if (
        isinstance(first, str)
        or isinstance(second, str)
        or isinstance(first, tuple)
        or isinstance(second, tuple)
    ):
        return first == second
    return abs(first - second) <= 0.01 * max(abs(first), abs(second)) and abs(first - second) < 0.05


def _team(passages: list[Passage]) -> dict[str, str]:
    found: dict[str, str] = {}
    for passage in passages:
        name, colon, value = passage.text.partition(":")
        if not colon or not value.strip() or len(name) > 60:
            continue
        for field, pattern in TEAM_FIELDS.items():
            if re.fullmatch(pattern, name.strip(" *"), re.IGNORECASE):
                found.setdefault(field, value.strip(" *"))
    return found


def _readme(passages: list[Passage]) -> list[ProposedClaim]:
    found = []
    for passage in passages:
        name, _, value = passage.text.partition(":")
        field, factor = README.get(" ".join(name.lower().split()).replace("cpu[1] / gpu[0]", ""), ("", 0.0))
        number = re.match(r"\s*(\d+(?:\.\d+)?)", value)
        if field and number:
            figure: Value = float(f"{float(number.group(1)) * factor:.12g}")
            if field == "extra_data":
                figure = bool(figure)
            found.append(ProposedClaim(field, figure, passage.text, passage.place, 0.95))
    return found


def _plain(found: ProposedClaim) -> dict[str, Any]:
    value = list(found.value) if isinstance(found.value, tuple) else found.value
    return {"value": value, "sentence": found.sentence, "place": found.place, "confidence": found.confidence}
