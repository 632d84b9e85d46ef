"""Showing a folder without some of what is in it: the fewest paths that are all the rest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

MOST_PATHS = 1000  # that one submission is shown: each is a mount, or a rule, of its sandbox


def all_but(repo: Path, secret: Collection[Path], needed: Iterable[Path]) -> tuple[tuple[Path, ...], str]:
    """Files and folders of `repo` without those of `secret`, and why they are too many to be shown, if so.

    A folder stands for all that is in it where nothing of that is secret; else what is in it is shown one by one.
    Of such folders the fullest are first to be left with what leads to `needed` alone: so nobody who fills a shared
    folder ends others' submissions.
    """
    split = _with_parents(secret, repo) - set(secret) | {repo}
    kept = _with_parents(needed, repo)
    wanted: list[Path] = []
    further: dict[Path, list[Path]] = {}
    waiting = [repo]
    while waiting:
        folder = waiting.pop()
        for path in _entries(folder, secret):
            if path in split and path.is_dir() and not path.is_symlink():
                waiting.append(path)
            elif not path.is_symlink() or _leads_well(path, repo, secret, split):
                (wanted if path in kept else further.setdefault(folder, [])).append(path)
    fullest = sorted(further, key=lambda folder: len(further[folder]), reverse=True)
    n_shown = len(wanted) + sum(map(len, further.values()))
    while fullest and n_shown > MOST_PATHS:
        n_shown -= len(further.pop(fullest.pop(0)))
    shown = sorted([*wanted, *(path for paths in further.values() for path in paths)])
    return (tuple(shown), "") if n_shown <= MOST_PATHS else ((), _too_many(shown, repo))


def _with_parents(paths: Iterable[Path], repo: Path) -> set[Path]:
    around = set(repo.parents)
    return {one for path in paths for one in (path, *path.parents)} - around


def _entries(folder: Path, secret: Collection[Path]) -> list[Path]:
    """What is in a folder that is shown in parts, without the secret and compiled copies of it."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    paths = [folder / name for name in sorted(names)]
    hides_code = any(path in secret and path.suffix == ".py" for path in paths)
    compiled = {path for path in paths if path.name == "__pycache__" or path.suffix == ".pyc"}
    return [path for path in paths if path not in secret and not (hides_code and path in compiled)]


def _leads_well(link: Path, repo: Path, secret: Collection[Path], split: Collection[Path]) -> bool:
    """Whether a link, which is shown by what it leads to, leads to nothing secret, nor to a folder with such."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # a link to nothing, or to itself
        return False
    around = (target, *target.parents)
    return target.is_relative_to(repo) and target not in split and not any(one in secret for one in around)


def _too_many(shown: list[Path], repo: Path) -> str:
    ((fullest, _),) = Counter(path.parent for path in shown).most_common(1)
    name = "." if fullest == repo else fullest.relative_to(repo).as_posix()
    return (
        f"{len(shown)} files and folders of the repository would have to be shown one by one, expected at most "
        f"{MOST_PATHS}: most are in {name}/, beside files of others that are hidden; a folder of its own is shown whole"
    )
