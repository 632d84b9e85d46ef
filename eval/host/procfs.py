"""What /proc tells about a sandbox: its processes, their usage, and the survivors."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from eval.host.disk import BLOCK_BYTES

Identity = tuple[int, int]  # device and inode, or process and thread
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Sums over a tree of processes. memory_bytes: private and shared pages, unlinked files open or mapped."""

    memory_bytes: int = 0
    cpu_s: float = 0.0


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on. The name before them may contain anything."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _children(pid: int) -> list[int]:
    """Direct children, from each thread's list (CONFIG_PROC_CHILDREN) or by looking at every process."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii").split())
        return found
    except FileNotFoundError:
        if not os.path.exists(f"/proc/{pid}"):
            return []
    for other in all_pids():
        with contextlib.suppress(OSError, IndexError):
            if int(_stat_fields(other)[1]) == pid:
                found.append(other)
    return found


def tree(pid: int) -> list[int]:
    """`pid` and all its descendants."""
    found, generation = [pid], [pid]
    while generation:
        following: list[int] = []
        for parent in generation:
            with contextlib.suppress(OSError):
                following += _children(parent)
        generation = [child for child in following if child not in found]
        found += generation
    return found


def _resident(pid: int) -> tuple[int, int]:
    """Bytes of private and of shared pages; all of VmRSS if the kernel does not tell them apart."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    values = {key: int(kib) * 1024 for key, kib in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    return values.get("RssAnon", values.get("VmRSS", 0)), values.get("RssShmem", 0)


def _mapped_files(pid: int) -> dict[Identity, int]:
    """Bytes of mapped memfds and deleted files. A mapping keeps them alive without a descriptor.

    Only root can read the size of such a file; otherwise it counts up to the last mapped byte.
    """
    found: dict[Identity, int] = {}
    for line in Path(f"/proc/{pid}/maps").read_bytes().split(b"\n"):
        if not line.endswith(b" (deleted)"):
            continue
        addresses, _, offset, device, inode = line.decode("ascii", "replace").split()[:5]
        start, end, major, minor = (int(text, 16) for text in (*addresses.split("-"), *device.split(":")))
        size = int(offset, 16) + end - start
        with contextlib.suppress(OSError):
            size = os.stat(f"/proc/{pid}/map_files/{start:x}-{end:x}").st_blocks * BLOCK_BYTES
        identity = (os.makedev(major, minor), int(inode))
        found[identity] = max(size, found.get(identity, 0))
    return found


def _open_files(pid: int) -> dict[Identity, int]:
    """Bytes of memfds and deleted files that are held open."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            status = os.stat(f"/proc/{pid}/fd/{name}")
            if status.st_nlink == 0:
                found[status.st_dev, status.st_ino] = status.st_blocks * BLOCK_BYTES
    return found


def usage(pid: int, known: set[Identity]) -> Usage:
    """What the tree under `pid` uses now. Files in `known` (given by the parent) are not counted."""
    private = shared = 0
    ticks = 0
    mapped: dict[Identity, int] = {}
    opened: dict[Identity, int] = {}
    for process in tree(pid):
        with contextlib.suppress(OSError, IndexError, ValueError):
            anonymous, shmem = _resident(process)
            private, shared = private + anonymous, max(shared, shmem)
            fields = _stat_fields(process)
            ticks += sum(int(value) for value in fields[11:15])  # own and reaped children's, user and system
        with contextlib.suppress(OSError, ValueError):
            mapped.update(_mapped_files(process))
            opened.update(_open_files(process))
    unlinked = {**mapped, **opened}  # what is open tells its true size
    size = sum(size for identity, size in unlinked.items() if identity not in known)
    return Usage(private + max(shared, size), ticks / TICKS_PER_S)


def cpu_seconds(pid: int) -> float:
    """Processor time in s of `pid`, its descendants and those that they have reaped."""
    ticks = 0
    for process in tree(pid):
        with contextlib.suppress(OSError, IndexError, ValueError):
            ticks += sum(int(value) for value in _stat_fields(process)[11:15])
    return ticks / TICKS_PER_S


def thread_seconds(pid: int) -> dict[Identity, float]:
    """Processor time in s of each living thread of `pid` and its descendants, by process and thread."""
    found = {}
    for process in tree(pid):
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{process}/task"):
                with contextlib.suppress(OSError, IndexError, ValueError):
                    text = Path(f"/proc/{process}/task/{name}/stat").read_text(
                        encoding="utf-8", errors="replace"
                    )
                    fields = text.rpartition(")")[2].split()
                    found[process, int(name)] = sum(map(int, fields[11:13])) / TICKS_PER_S
    return found


def pid_namespace(pid: int) -> str | None:
    """Identity of the pid namespace of a process, or None if it is gone or may not be looked at."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def in_namespace(identity: str) -> list[int]:
    """Processes in a pid namespace."""
    return [pid for pid in all_pids() if pid_namespace(pid) == identity]


def of_uid(uid: int) -> list[int]:
    """Processes whose real uid is `uid`. (The owner of /proc/PID is root if a process hides its memory.)"""
    found = []
    line = f"\nUid:\t{uid}\t".encode()
    for pid in all_pids():
        with contextlib.suppress(OSError):
            if line in Path(f"/proc/{pid}/status").read_bytes():
                found.append(pid)
    return found


def with_mark(mark: str) -> list[int]:
    """Processes that were started with `mark` in their environment."""
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            if mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(pid)
    return found


def living(pids: set[int]) -> list[int]:
    """Those that still run. A zombie is dead; the machine's init decides when it is reaped."""
    found = []
    for pid in sorted(pids):
        with contextlib.suppress(OSError, IndexError):
            if _stat_fields(pid)[0] not in "ZX":
                found.append(pid)
    return found


def kill_all(pids: list[int]) -> None:
    """Send SIGKILL to each; processes that are gone are skipped."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
