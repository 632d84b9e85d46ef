"""A private working folder for a program: it shows a repository, and unlike that it may be written.

Programs of the Image SR track open a log, or write results, where they are started. Here they find the folders of
their repository as folders of their own, with links to its files. Text files, which a program may write again, are
copies. What a program writes is gone with its working folder.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from data.errors import InputError
from eval import files
from eval.host.disk import NAME_BYTES

WRITTEN_AGAIN = (".log", ".txt", ".json", ".csv")
MOST_COPIED_BYTES = 1 << 20  # of one file; longer ones are linked
MOST_FILES = 10_000  # in folders of their own; further folders are links, and so cannot be written
MOST_DEPTH = 16


def fill(work: Path, repo: Path, visible: Iterable[Path]) -> int:
    """Show the paths `visible` of `repo` in the empty folder `work`. Returns how many bytes this counts for.

    Raises InputError if something cannot be written.
    """
    inside = [path for path in visible if path.is_relative_to(repo) and path != repo]
    used, n_files = 0, 0
    try:
        waiting = deque(inside)
        while waiting:
            path = waiting.popleft()
            place = work / path.relative_to(repo)
            _make_folders(work, place.parent)
            below = (
                _files_in(path)
                if n_files < MOST_FILES and len(place.parts) - len(work.parts) < MOST_DEPTH
                else None
            )
            if below is None:
                used += NAME_BYTES + _show(path, place, repo)
                n_files += 1
            else:
                _make_folders(work, place)
                waiting.extend(below)
    except OSError as error:
        raise InputError(f"{work}: cannot be written ({error.strerror or error})") from None
    return used


def _files_in(path: Path) -> list[Path] | None:
    """What is in a folder, sorted; None for files, links and folders that cannot be listed."""
    if path.is_symlink() or not path.is_dir():
        return None
    try:
        return sorted(path.iterdir())
    except OSError:
        return None


def _make_folders(work: Path, folder: Path) -> None:
    """Make `folder` and the folders above it up to `work`. The sandbox's user may write all of them."""
    missing = [one for one in (folder, *folder.parents) if one.is_relative_to(work) and not one.exists()]
    for one in reversed(missing):
        one.mkdir()
        one.chmod(0o777)


def _show(path: Path, place: Path, repo: Path) -> int:
    """Link or copy a file. Returns the bytes that were copied."""
    is_copied = (
        path.suffix in WRITTEN_AGAIN and path.is_file() and not files.unfit(path, repo, MOST_COPIED_BYTES)
    )
    if not is_copied:
        os.symlink(path, place)
        return 0
    shutil.copyfile(path, place)
    place.chmod(0o666)
    return place.stat().st_size
