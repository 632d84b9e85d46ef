"""An unused uid for each sandbox that root starts, because limits on processes and signals are per uid."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import random
from collections.abc import Iterator
from pathlib import Path

from data.errors import InputError

RANGE_VARIABLE = "SANDBOX_UIDS"
DEFAULT_RANGE = "60600-61099"  # neither Debian nor systemd allocates these
LOCK_FOLDER = Path("/run/sr-sandbox-uids")  # not in /run/lock: every user may write there


class UidLease:
    """One uid, held by an exclusive file lock until `release`, so that no other harness takes it."""

    def __init__(self, uid: int, lock: int) -> None:
        self.uid = uid
        self._lock = lock

    def release(self) -> None:
        """Give the uid back. The kernel does the same if this process dies."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def configured_range() -> range:
    """The uids that may be used, from the environment variable SANDBOX_UIDS ("FIRST-LAST")."""
    text = os.environ.get(RANGE_VARIABLE, DEFAULT_RANGE)
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 1000 <= int(first) <= int(last) < 2**31):
        raise InputError(
            f"{RANGE_VARIABLE}: {text!r}; expected FIRST-LAST, both at least 1000, as in {DEFAULT_RANGE}"
        )
    return range(int(first), int(last) + 1)


def _owners() -> set[int]:
    owners = {entry.pw_uid for entry in pwd.getpwall()}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                owners.add(process.stat().st_uid)
    return owners


def _locks(candidates: range, taken: set[int]) -> Iterator[UidLease]:
    try:
        LOCK_FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (
        OSError
    ):  # /run is read-only in this container: without locks, a random uid hardly meets another harness's
        free = [uid for uid in candidates if uid not in taken]
        yield from (UidLease(uid, -1) for uid in random.sample(free, len(free)))
        return
    for uid in candidates:
        if uid in taken:
            continue
        lock = os.open(LOCK_FOLDER / str(uid), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        yield UidLease(uid, lock)


def lease() -> UidLease | None:
    """A uid that no account, process or other harness has. None if the harness does not run as root.

    Raises InputError if none is left.
    """
    if os.geteuid() != 0:
        return None
    candidates = configured_range()
    found = next(_locks(candidates, _owners()), None)
    if found is None:
        raise InputError(
            f"{RANGE_VARIABLE}: uids {candidates.start}-{candidates.stop - 1} are all in use; expected more"
        )
    return found
