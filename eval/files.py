"""Reads files that strangers hand in: checks before one is opened, and a bound on how much is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from data.errors import InputError
from data.text import printable

MAX_FILE_BYTES = 8 * 2**30  # bounds the time to hash one file
MAX_FOLDER_DEPTH = (
    64  # of nested folders; Path.rglob and os.walk recurse, so deeper ones would end the program
)


def unfit(path: Path, folder: Path, most_bytes: int = MAX_FILE_BYTES) -> str:
    """Why a file that a submission names must not be opened. Empty if it may be, or if it does not exist.

    A symbolic link must not lead out of `folder`. A sandbox shows the target of a link, so a link would let a
    submission choose what it sees; and the harness opens the target with the user's rights. The target must be a
    regular file, because others can block a reader for ever. Its size is bounded, because files are read whole.
    """
    name = printable(path.name)
    try:
        real = path.resolve(strict=True)
        status = real.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # a loop of links, or characters that no name can have
        return f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})"
    if not real.is_relative_to(folder.resolve()):
        return f"{name}: a link that leads out of {folder.name}/"
    if not stat.S_ISREG(status.st_mode):
        return f"{name}: not a regular file"
    if status.st_size > most_bytes:
        return f"{name}: {_size(status.st_size, 1)}, expected at most {_size(most_bytes, 0)}"
    return ""


def walk(folder: Path, max_depth: int = MAX_FOLDER_DEPTH, without: Collection[Path] = ()) -> Iterator[Path]:
    """All regular files and links below `folder`, in the order of their paths. Links are not followed.

    without: files and folders that are left out.

    Raises InputError if folders are nested more than `max_depth` deep, or if one cannot be read.
    """
    waiting = [(folder, 0)]
    while waiting:
        path, depth = waiting.pop()
        if path != folder and (path.is_symlink() or path.is_file()):
            yield path
            continue
        if depth > max_depth:
            raise InputError(f"{folder}: folders lie in each other more than {max_depth} deep")
        waiting += [(one, depth + 1) for one in reversed(_entries(path)) if one not in without]


def regular(folder: Path) -> list[Path]:
    """All regular files below `folder`, without links, in the order of their paths. Raises what `walk` raises."""
    return [path for path in walk(folder) if not path.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    """The regular files, links and folders in `folder`, sorted by name."""
    try:
        with os.scandir(folder) as found:
            kept = [e.name for e in found if e.is_symlink() or e.is_file() or e.is_dir()]
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from None
    return [folder / name for name in sorted(kept)]


def read_text(path: Path, most_bytes: int) -> str:
    """The UTF-8 text of a file. Raises InputError if it is missing, unreadable, too large or not UTF-8."""
    try:
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(content) > most_bytes:
        raise InputError(f"{path}: larger than {_size(most_bytes, 0)}")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def absolute(path: Path) -> Path:
    """`path` from the root; links and `..` in its folder are resolved, its own name stays.

    A link's own name is kept because it may be what a submission is called after.
    """
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name


def _size(size_bytes: int, decimals: int) -> str:
    unit, name = (2**30, "GiB") if size_bytes >= 2**30 else (2**20, "MiB")
    return f"{size_bytes / unit:.{decimals}f} {name}"
