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

from eval.failures import SubmissionFailed
from eval.host import disk

WRITTEN_AGAIN = (".log", ".txt", ".json", ".csv")
MOST_COPIED_BYTES = 1 << 20  # of one file; longer ones are linked
MOST_BYTES_TOGETHER = 64 << 20  # of all copies
MOST_SHOWN = 10_000  # in folders of their own; further folders are links, and so cannot be written
MOST_DEPTH = 16
ENOUGH_BYTES = 1 << 40


def fill(work: Path, repo: Path, visible: Iterable[Path]) -> int:
    """Show the paths `visible` of `repo` in the empty folder `work`. Returns the disk space that this takes.

    Raises SubmissionFailed if something cannot be written.
    """
    waiting = deque(path for path in visible if path.is_relative_to(repo) and path != repo)
    n_shown, room_bytes = 0, MOST_BYTES_TOGETHER
    try:
        while waiting:
            path = waiting.popleft()
            place = work / path.relative_to(repo)
            below = _files_in(path)
            is_deep = len(place.parts) - len(work.parts) >= MOST_DEPTH
            _make_folders(work, place.parent)
            if below is None or is_deep or n_shown + len(waiting) + len(below) > MOST_SHOWN:
                room_bytes -= _show(path, place, min(MOST_COPIED_BYTES, room_bytes))
                n_shown += 1
            else:
                _make_folders(work, place)
                waiting.extend(below)
    except OSError as error:
        raise SubmissionFailed(f"its working folder cannot be filled ({error.strerror or error})") from None
    return disk.used_bytes(work, ENOUGH_BYTES)


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


def _show(path: Path, place: Path, most_bytes: int) -> int:
    """Copy a short text file; link anything else. Returns the bytes that were copied.

    A link is never followed: it may lead to what the submission must not see.
    """
    is_text = path.suffix in WRITTEN_AGAIN and path.is_file() and not path.is_symlink()
    if not is_text or path.stat().st_size > most_bytes:
        os.symlink(path, place)
        return 0
    shutil.copyfile(path, place)
    place.chmod(0o666)
    return place.stat().st_size
