"""A control group for each sandbox, if one can be made. It counts memory and tasks, and kills them all at once.

Version 2 is used if its controllers are enabled, otherwise version 1. An ordinary user needs a delegated group
(systemd-run --user --scope). If no group can be made, the watchdog polls instead.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import uuid
from functools import lru_cache
from pathlib import Path

from eval.sandbox.limits import Limits

PREFIX = "sr-sandbox-"  # the harness's pid follows
KEEPER_TASKS = 4  # tasks of bwrap or the keeper
# Joins the group, then becomes the program: it is never outside the group, and there is no race
JOIN = 'echo 0 > "$1" || exit 125; shift; exec "$@"'


def _mounts() -> dict[str, Path]:
    """Mount points of the hierarchies. The key "" is version 2; other keys are controllers of version 1."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            found.setdefault("", Path(left.split()[4]))
        elif kind == "cgroup":
            for name in options.split(","):
                found.setdefault(name, Path(left.split()[4]))
    return found


def _own_paths() -> dict[str, str]:
    """This process's group in each hierarchy, relative to the mount point."""
    found = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            found[name] = path.lstrip("/")
    return found


def _parent() -> Path | None:
    """The folder to make a group in: version 2 with its controllers, else version 1's memory, else None.

    Only one hierarchy is used, because each one that a process joins costs some 30 ms of grace periods in the
    kernel. Without version 2, RLIMIT_NPROC under a separate uid bounds processes, and namespace or keeper end them.
    """
    try:
        mounts, own = _mounts(), _own_paths()
    except OSError:
        return None
    candidates = []
    if "" in mounts:
        here = mounts[""] / own.get("", "")
        for parent in (here.parent, mounts[""]):
            with contextlib.suppress(OSError):
                enabled = (parent / "cgroup.subtree_control").read_text(encoding="ascii").split()
                if "memory" in enabled and "pids" in enabled:
                    candidates.append(parent)
    if "memory" in mounts:
        candidates.append(mounts["memory"] / own.get("memory", ""))
    return next((parent for parent in candidates if os.access(parent, os.W_OK)), None)


class Cgroup:
    """The control group of one sandbox: a folder that exists until `remove`."""

    def __init__(self, limits: Limits) -> None:
        """Make the group and set its limits. Raises OSError if that is refused."""
        parent = _parent()
        if parent is None:
            raise PermissionError("no control group can be made here")
        self._folder = parent / f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._folder.mkdir()
        try:
            self._set(limits)
        except OSError:
            self.remove()
            raise

    def _set(self, limits: Limits) -> None:
        if limits.memory_bytes:
            bound = limits.memory_bytes
            _write_existing(self._folder, {"memory.max": bound, "memory.limit_in_bytes": bound})
            with contextlib.suppress(OSError):  # swap accounting may be off
                optional = {"memory.swap.max": 0, "memory.oom.group": 1, "memory.memsw.limit_in_bytes": bound}
                _write_existing(self._folder, optional)
        if limits.processes:
            _write_existing(self._folder, {"pids.max": limits.processes + KEEPER_TASKS})

    def wrap(self, argv: list[str]) -> list[str]:
        """argv that joins the group, then runs `argv` in the same process."""
        return ["/bin/sh", "-c", JOIN, "sh", str(self._folder / "cgroup.procs"), *argv]

    def out_of_memory(self) -> bool:
        """Whether the kernel killed a member at the memory limit."""
        for file in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError, KeyError, ValueError):
                text = (self._folder / file).read_text(encoding="ascii")
                if int(dict(line.split() for line in text.splitlines())["oom_kill"]) > 0:
                    return True
        return False

    def kill(self) -> None:
        """End every member at once, if the kernel can do that (version 2 since 5.14)."""
        with contextlib.suppress(OSError):
            if (self._folder / "cgroup.kill").exists():
                (self._folder / "cgroup.kill").write_text("1", encoding="ascii")

    def members(self) -> list[int]:
        """Processes in the group."""
        with contextlib.suppress(OSError):
            text = (self._folder / "cgroup.procs").read_text(encoding="ascii")
            return sorted({int(pid) for pid in text.split()} - {0})
        return []

    def remove(self) -> None:
        """Remove the group once it is empty. A killed process can stay a member until it is reaped."""
        deadline = time.monotonic() + 1.0
        while self._folder.exists():
            try:
                self._folder.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.005)


def _write_existing(folder: Path, settings: dict[str, int]) -> None:
    for file, value in settings.items():
        if (folder / file).exists():
            (folder / file).write_text(str(value), encoding="ascii")


def _remove_stale() -> None:
    """Remove the groups of harnesses that were killed. A group that still has members stays."""
    parent = _parent()
    for folder in parent.glob(f"{PREFIX}*-*") if parent is not None else ():
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


@lru_cache(maxsize=1)
def why_unavailable() -> str:
    """Why no group can be made and joined here, found by trying. Empty if one can."""
    _remove_stale()
    try:
        group = Cgroup(Limits())
    except OSError as error:
        return error.strerror or str(error)
    try:
        command = group.wrap(["/bin/sh", "-c", "exit 0"])
        result = subprocess.run(command, capture_output=True, check=False, timeout=10)
        return "" if result.returncode == 0 else "cannot be joined"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        group.remove()


def make_group(limits: Limits) -> Cgroup | None:
    """A group for one sandbox, or None if none can be made."""
    if why_unavailable():
        return None
    try:
        return Cgroup(limits)
    except OSError:
        return None
