"""Disk use and removal of folders that untrusted code filled.

Both work with descriptors, because paths may be longer than the kernel accepts. Neither recurses deeper than
`_MAX_DEPTH`, because folders may be nested thousands deep. Both cope with folders that cannot be listed, names
that are not text, and files that vanish meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from itertools import count
from pathlib import Path

BLOCK_BYTES = 512
NAME_BYTES = 4096  # counted per name, so that empty files are not free
_MAX_DEPTH = 32  # honest caches and results are less deep; each level holds one descriptor
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def used_bytes(folder: Path, enough: int) -> int:
    """Disk space in bytes of everything in `folder`, plus 4 KiB per name. Counting stops above `enough`.

    A folder that cannot be listed or is deeper than `_MAX_DEPTH` may hold anything, so it counts as too much.
    """
    return _used(str(folder), None, enough, _MAX_DEPTH)


def _used(name: str, above: int | None, enough: int, levels: int) -> int:
    if levels == 0:
        return enough + 1
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=above)
    except PermissionError:
        return enough + 1
    except OSError:  # gone, or no folder any more
        return 0
    total = 0
    try:
        with contextlib.suppress(OSError), os.scandir(descriptor) as entries:  # it may be removed meanwhile
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += NAME_BYTES + entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        total += _used(entry.name, descriptor, max(enough - total, 0), levels - 1)
                if total > enough:
                    break
    finally:
        os.close(descriptor)
    return total


def remove(folder: Path) -> None:
    """Remove a folder and its content. Raises nothing. No process that could change it may be left.

    Deeper folders are moved up before they are emptied, so that neither paths nor recursion grow with the depth.
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
    """Descriptor of a folder, made accessible to its owner first."""
    if not _is_folder(name, above):  # chmod would follow a link
        raise NotADirectoryError(name)
    os.chmod(name, 0o700, dir_fd=above)
    descriptor = os.open(name, _FOLDER, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_folder(name: str, above: int | None) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)


def _remove_entry(name: str, top: int, names: Iterator[str]) -> list[str]:
    """Remove an entry of `top`. Folders in it become entries of `top`; their new names are returned."""
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
