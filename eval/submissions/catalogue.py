"""Which manifests there are, and which one an id means."""

from __future__ import annotations

import re
from pathlib import Path

from data.errors import InputError
from data.text import did_you_mean
from eval.submissions.manifest import MODELS, NAMING, read_content, read_manifest


def listed(folder: Path = MODELS) -> list[tuple[str, Path]]:
    """Model id and path of every manifest, wrong ones too; sorted by path. Raises nothing for what is in one."""
    return [(_stated_id(path), path) for path in sorted(folder.glob("team*.toml"))]


def _taken(model_id: str, paths: list[Path]) -> InputError:
    return InputError(f"{paths[1]}: field 'id': {model_id} is already taken by {paths[0].name}")


def _stated_id(path: Path) -> str:
    """The number in a manifest's name, which its field `id` must repeat, and its variant if that can be read."""
    named = NAMING.match(path.stem)
    if named is None:
        return path.stem
    try:
        variant = read_content(path).get("variant", "")
    except InputError:
        variant = ""
    return f"{int(named.group(1))}{variant if isinstance(variant, str) else ''}"


def find_manifest(model_id: str, folder: Path = MODELS) -> Path:
    """The manifest of `model_id` (`25`, `025`, `21p`); of several, the one that is right.

    Raises InputError where there is none (the ids there are are listed) or several are right.
    """
    known = listed(folder)
    wanted = re.sub(r"^0+(?=\d)", "", model_id.strip())
    found = [path for known_id, path in known if known_id == wanted]
    if not found:
        ids = sorted({known_id for known_id, _ in known}, key=by_id)
        hint = did_you_mean(wanted, ids)
        raise InputError(f"--model_id {model_id}: unknown{hint} (there are: {', '.join(ids)})")
    right = [path for path in found if len(found) == 1 or _is_right(path)]
    if len(right) > 1:
        raise _taken(wanted, right)
    return (right or found)[0]


def _is_right(path: Path) -> bool:
    try:
        read_manifest(path)
    except InputError:
        return False
    return True


def by_id(model_id: str) -> tuple[int, str]:
    """Sorts model ids as people do: 0, 21, 21p, 25."""
    digits = re.match(r"\d+", model_id)
    return (int(digits.group()) if digits else 0, model_id)
