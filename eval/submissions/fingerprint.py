"""Hashes of a submission's files: what a record names, and what must not change while it is judged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from data.errors import InputError
from eval import files
from eval.files import unfit
from eval.records.schema import Artifact
from eval.submissions.manifest import ROOT

MAX_SOURCES_BYTES = 2**30  # of all Python files of a repository together


def fingerprint(paths: Iterable[Path]) -> dict[str, str]:
    """sha256 of the files among `paths` and of the Python files in the folders among them, by path.

    A link that leads out of such a folder is not followed: it counts as the path in it. Raises InputError where
    a file cannot be read, or where there is more Python than a person writes.
    """
    sources: list[Path] = []
    links: list[Path] = []
    for path in paths:
        for one in _python_files(path) if path.is_dir() else [path]:
            leads_out = one != path and one.is_symlink() and unfit(one, path)
            (links if leads_out else sources).append(one)
    sources = [path for path in dict.fromkeys(sources) if path.is_file()]
    try:
        size = sum(path.stat().st_size for path in sources if path.suffix == ".py")
        found = {str(path): hashlib.sha256(os.readlink(os.fsencode(path))).hexdigest() for path in links}
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    if size > MAX_SOURCES_BYTES:
        raise InputError(f"{size / 2**30:.1f} GiB of Python files, expected at most 1 GiB ({sources[0]} ...)")
    return {**found, **{str(path): sha256(path) for path in sources}}


def _python_files(folder: Path) -> list[Path]:
    return [path for path in files.walk(folder) if path.suffix == ".py"]


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's content. Raises InputError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    return digest.hexdigest()


def combined_sha256(hashes: list[str]) -> str:
    """One sha256 for several files: a single file's own, else that of all hashes, one a line."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def artifact(path: Path) -> Artifact | None:
    """The file at `path` by content, None where there is none."""
    return Artifact(file=shown(path), sha256=sha256(path)) if path.is_file() else None


def shown(path: Path) -> str:
    """`path` relative to the project where it lies inside it."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT) if resolved.is_relative_to(ROOT) else path)
