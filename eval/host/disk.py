"""Folders that a stranger filled: how much is in them, and their removal.

Both go by descriptors, since a path may be longer than the kernel takes, and neither recurses further than
`MAX_DEPTH`, since folders may lie in each other thousands deep. Both must work on what was made to resist:
folders that cannot be listed, names that are no text, files that vanish meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from itertools import count
from pathlib import Path

BLOCK = 512
NAME_BYTES = 4096  # counted for each name, so that empty files are not free
MAX_DEPTH = 32  # caches and results of honest programs lie less deep; one descriptor each
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def used_bytes(folder: Path, enough: int) -> int:
    """Disk space of all that is in a folder, 4 KiB for each name; stops above `enough`.

    A folder that may not be listed, or lies deeper than `MAX_DEPTH`, may hold anything: more than enough.
    """
    return _used(str(folder), None, enough, MAX_DEPTH)


def _used(name: str, above: int | None, enough: int, levels: int) -> int:
    if levels == 0:
        return enough + 1
    try:
        descriptor = os.open(name, FOLDER, dir_fd=above)
    except PermissionError:
        return enough + 1
    except OSError:  # gone, or no folder any more
        return 0
    total = 0
    try:
        with contextlib.suppress(OSError), os.scandir(descriptor) as entries:  # it may be removed meanwhile
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += NAME_BYTES + entry.stat(follow_symlinks=False).st_blocks * BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        total += _used(entry.name, descriptor, max(enough - total, 0), levels - 1)
                if total > enough:
                    break
    finally:
        os.close(descriptor)
    return total


def remove(folder: Path) -> None:
    """Remove a folder and all that is in it, once no process is left that could change it. Raises nothing.

    What lies deeper is moved up before it is emptied, so that no path and no recursion grows with the depth.
    """
    with contextlib.suppress(OSError), _opened(str(folder), None) as top:
        names = (f"{uuid.uuid4().hex}-{number}" for number in count())
        pending = os.listdir(top)
        while pending:
            with contextlib.suppress(OSError):
                pending += _remove_entry(pending.pop(), top, names)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


@contextlib.contextmanager
def _opened(name: str, above: int | None) -> Iterator[int]:
    """Descriptor of a folder, its mode given back to the owner first."""
    if not _is_folder(name, above):  # chmod would follow a link
        raise NotADirectoryError(name)
    os.chmod(name, 0o700, dir_fd=above)
    descriptor = os.open(name, FOLDER, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_folder(name: str, above: int | None) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)


def _remove_entry(name: str, top: int, names: Iterator[str]) -> list[str]:
    """Remove an entry of `top`; the folders in it become entries of `top`, whose new names are returned."""
    if not _is_folder(name, top):
        os.unlink(name, dir_fd=top)
        return []
    moved = []
    with _opened(name, top) as inside:
        for child in os.listdir(inside):
            with contextlib.suppress(OSError):
                if not _is_folder(child, inside):
                    os.unlink(child, dir_fd=inside)
                    continue
                os.chmod(child, 0o700, dir_fd=inside)  # moving a folder writes to it
                os.rename(child, new := next(names), src_dir_fd=inside, dst_dir_fd=top)
                moved.append(new)
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=top)
    return moved
