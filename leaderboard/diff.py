"""`python -m leaderboard diff A B`: who moved between two builds, and why."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import InputError

_FIGURES = {"val_psnr": 4, "test_psnr": 4, "runtime_ms": 3, "flops_g": 3, "params_m": 4}
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Build:
    """The output of a build: whose rules ranked it, and its rows by model and conditions."""

    challenge: str
    rows: Rows


@dataclass(frozen=True)
class Move:
    """One model's change between two builds. Ranks are None below the line or if the model is absent."""

    model: str
    before: int | None
    after: int | None
    why: str


def read_build(path: Path) -> Build:
    """A build from its folder with `leaderboard.json`, or from that file. Raises InputError for anything else."""
    file = path / "leaderboard.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        rows = {f"{row['model']}|{row.get('conditions', '')}": row for row in content["rows"]}
        return Build(str(content.get("challenge", "")), rows)
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror}); expected the output of a build"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{file}: not a leaderboard; expected the leaderboard.json that a build writes"
        ) from None


def moves(before: Rows, after: Rows, *, same_rules: bool = True) -> list[Move]:
    """Everyone whose rank or figures changed, in the new order, then those that are gone.

    Under other rules everybody is compared with another baseline, so that this is no news of a single model.
    """
    before = _renamed(before, after)
    found = []
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key), after.get(key)
        row = new or old
        assert row is not None  # the key comes from one of the two
        why = _why(old, new, same_rules)
        ranks = (old or {}).get("rank"), (new or {}).get("rank")
        if ranks[0] != ranks[1] or why:
            passed = _passed(before, after, key) if not why and same_rules else "the rules changed"
            found.append(Move(row["model"], *ranks, why or passed))
    return found


def _renamed(before: Rows, after: Rows) -> Rows:
    """`before` with the keys of `after` for models that stand once in each, under other conditions.

    Otherwise a model that was measured again elsewhere would be listed twice, as new and as gone.
    """
    gone = Counter(row["model"] for key, row in before.items() if key not in after)
    new = {row["model"]: key for key, row in after.items() if key not in before}
    arrived = Counter(row["model"] for key, row in after.items() if key not in before)

    def key_of(key: str, row: dict[str, Any]) -> str:
        model = row["model"]
        return new[model] if key not in after and gone[model] == arrived[model] == 1 else key

    return {key_of(key, row): row for key, row in before.items()}


def _why(old: dict[str, Any] | None, new: dict[str, Any] | None, same_rules: bool) -> str:
    """The model's own changes; empty if nothing of its own changed."""
    if old is None:
        return "new"
    if new is None:
        return "no longer listed"
    reasons = []
    if old.get("eligible") != new.get("eligible"):
        reasons.append("now ranked" if new.get("eligible") else f"no longer ranked: {new.get('reason')}")
    for name, decimals in _FIGURES.items():
        one, two = _shown(_figure(old, name), decimals), _shown(_figure(new, name), decimals)
        if one != two:
            reasons.append(f"{name} {one} -> {two}")
    of_rules = [("reference", "compared with"), ("ranked_by", "ranked by")] if same_rules else []
    for name, title in (*of_rules, ("checkpoint_sha256", "checkpoint"), ("conditions", "measured on")):
        if (old.get(name) or "") != (new.get(name) or ""):
            reasons.append(
                f"{title} {str(old.get(name) or 'none')[:40]} -> {str(new.get(name) or 'none')[:40]}"
            )
    return "; ".join(reasons)


def _figure(row: dict[str, Any], name: str) -> Any:
    """A figure of a row; rows of further machines keep theirs in a column named after the machine."""
    value = row.get(name)
    return row.get(f"{name} [{row.get('conditions', '')}]") if value is None else value


def _passed(before: Rows, after: Rows, key: str) -> str:
    """Who went past a model that did not change itself, of those ranked with it."""
    old, new = before[key].get("rank"), after[key].get("rank")
    if old is None or new is None:
        return "the rules changed"
    names = []
    machine = after[key].get("conditions")
    before = {other: row for other, row in before.items() if row.get("conditions") == machine}
    after = {other: row for other, row in after.items() if row.get("conditions") == machine}
    for other, row in after.items():
        was, now = before.get(other, {}).get("rank"), row.get("rank")
        overtaken_by = now is not None and now < new and (was is None or was > old)
        if new > old and overtaken_by:
            names.append(row["model"])
    for other, row in before.items():
        now = after.get(other, {}).get("rank")
        if new < old and row.get("rank") is not None and row["rank"] < old and (now is None or now > new):
            names.append(row["model"])
    return ("passed by " if new > old else "moved past ") + ", ".join(names) if names else "others moved"


def _shown(value: Any, decimals: int) -> str:
    if value is None:
        return "–"
    number = float(value)
    return str(value) if math.isinf(number) else f"{number:.{decimals}f}"


def moves_text(before: Build, after: Build) -> str:
    """One line per move: `3 -> 1  model  why`; above them, whether the rules are others."""
    same_rules = before.challenge == after.challenge
    found = moves(before.rows, after.rows, same_rules=same_rules)
    lines = [] if same_rules else [f"Other rules: {before.challenge} -> {after.challenge}."]
    if not found:
        return "\n".join([*lines, "No change."]) + "\n"
    for move in found:
        old = "–" if move.before is None else str(move.before)
        new = "–" if move.after is None else str(move.after)
        lines.append(f"{old:>4} -> {new:<4} {move.model}: {move.why}")
    return "\n".join(lines) + "\n"
