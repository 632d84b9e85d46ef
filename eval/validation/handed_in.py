"""What a path is: a manifest, a script with its manifest, a bare checkpoint, a repository or a folder of images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data.errors import InputError
from data.images import IMAGE_SUFFIXES
from eval.submissions.bare_checkpoint import SUFFIXES
from eval.submissions.repository import entry_point, select_model

HandedInKind = Literal["manifest", "checkpoint", "repository", "images"]
EXPECTED = (
    "expected a manifest (.toml), a script (.py) with its manifest beside it, a checkpoint "
    f"({', '.join(SUFFIXES)}), a repository with select_model, or a folder of SR images"
)


@dataclass(frozen=True)
class HandedIn:
    """What is to be validated. path: of a script, its manifest."""

    kind: HandedInKind
    path: Path


def handed_in(path: Path) -> HandedIn:
    """What `path` is, told by names alone. Raises InputError for anything else."""
    if path.is_dir():
        return HandedIn(_folder(path), path)
    suffix = path.suffix.lower()
    if suffix in (".toml", ".py"):
        if not path.exists():
            raise InputError(f"{path}: no such file; {EXPECTED}")
        return HandedIn("manifest", path if suffix == ".toml" else path.with_suffix(".toml"))
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; {EXPECTED}")
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: {EXPECTED}")
    return HandedIn("checkpoint", path)


def _folder(path: Path) -> HandedInKind:
    """Whether a folder is a repository or holds images."""
    if any((path / name).is_file() for name in (select_model.ENTRY, *entry_point.ENTRIES)):
        return "repository"
    below = [*path.iterdir(), *path.glob("valid/*"), *path.glob("test/*")]
    if any(one.suffix.lower() in IMAGE_SUFFIXES for one in below):
        return "images"
    manifests = sorted(one.name for one in path.glob("team*.toml"))
    if manifests:
        raise InputError(f"{path}: a folder of manifests; give one of them, such as {path / manifests[0]}")
    raise InputError(f"{path}: {EXPECTED}")
