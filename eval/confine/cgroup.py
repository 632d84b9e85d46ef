"""A control group per sandbox where one can be made: memory as the kernel counts it, tasks, kill at once.

Version 2 where its controllers are enabled, else version 1; an ordinary user can only where a group was
delegated (systemd-run --user --scope). Where none can be made the watchdog polls instead.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import uuid
from functools import lru_cache
from pathlib import Path

from eval.confine.types import Limits

KEEPER_TASKS = 4  # bwrap's or the keeper's own
# Joins the groups named before "--", then becomes the program: no moment outside, no race.
JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'


def _mounts() -> dict[str, Path]:
    """Where hierarchies are mounted: "" for version 2, a controller's name for version 1."""
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
    """This process's group in each hierarchy, relative to its mount."""
    found = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            found[name] = path.lstrip("/")
    return found


def _parents() -> dict[str, Path]:
    """The folder to make a group in, by duty: "memory", "pids", "kill"."""
    try:
        mounts, own = _mounts(), _own_paths()
    except OSError:
        return {}
    found: dict[str, Path] = {}
    if "" in mounts:
        here = mounts[""] / own.get("", "")
        for parent in (here.parent, mounts[""]):
            if not parent.is_relative_to(mounts[""]):
                continue
            with contextlib.suppress(OSError):
                enabled = (parent / "cgroup.subtree_control").read_text(encoding="ascii").split()
                if "memory" in enabled and "pids" in enabled:
                    return {"memory": parent, "pids": parent, "kill": parent}
        found["kill"] = here
    for name in ("memory", "pids"):
        if name in mounts:
            found[name] = mounts[name] / own.get(name, "")
    return {duty: parent for duty, parent in found.items() if os.access(parent, os.W_OK)}


class Cgroup:
    """The groups of one sandbox: folders that exist until `remove`."""

    def __init__(self, limits: Limits) -> None:
        """Make the groups and set their limits; OSError where that is refused."""
        name = f"sr-sandbox-{uuid.uuid4().hex[:12]}"
        self._folders = {duty: parent / name for duty, parent in _parents().items()}
        if not self._folders:
            raise PermissionError("no control group can be made here")
        try:
            for folder in set(self._folders.values()):
                folder.mkdir()
            self._set(limits)
        except OSError:
            self.remove()
            raise

    def _set(self, limits: Limits) -> None:
        memory, pids = self._folders.get("memory"), self._folders.get("pids")
        if memory and limits.memory_bytes:
            settings = {"memory.max": limits.memory_bytes, "memory.limit_in_bytes": limits.memory_bytes}
            optional = {"memory.swap.max": 0, "memory.oom.group": 1}
            optional["memory.memsw.limit_in_bytes"] = limits.memory_bytes
            _write_existing(memory, settings)
            with contextlib.suppress(OSError):  # swap accounting may be off
                _write_existing(memory, optional)
        if pids and limits.processes:
            _write_existing(pids, {"pids.max": limits.processes + KEEPER_TASKS})

    @property
    def holds_memory(self) -> bool:
        """Whether the kernel holds the memory limit of the whole sandbox."""
        return "memory" in self._folders

    def wrap(self, argv: list[str]) -> list[str]:
        """argv that joins the groups, then runs `argv` in the same process."""
        members = [str(folder / "cgroup.procs") for folder in sorted(set(self._folders.values()))]
        return ["/bin/sh", "-c", JOIN, "sh", *members, "--", *argv]

    def out_of_memory(self) -> bool:
        """Whether the kernel killed a member at the memory limit."""
        for file in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError, KeyError, ValueError):
                text = (self._folders["memory"] / file).read_text(encoding="ascii")
                if int(dict(line.split() for line in text.splitlines())["oom_kill"]) > 0:
                    return True
        return False

    def kill(self) -> None:
        """End every member at once where the kernel can (5.14), else one by one by pid."""
        for folder in set(self._folders.values()):
            with contextlib.suppress(OSError):
                if (folder / "cgroup.kill").exists():
                    (folder / "cgroup.kill").write_text("1", encoding="ascii")

    def members(self) -> list[int]:
        """Processes in any of the groups."""
        found: set[int] = set()
        for folder in set(self._folders.values()):
            with contextlib.suppress(OSError):
                found |= {int(pid) for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split()}
        return sorted(found - {0})

    def remove(self) -> None:
        """Remove the groups once they are empty (a killed process stays a member until it is reaped)."""
        deadline = time.monotonic() + 1.0
        for folder in set(self._folders.values()):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.005)


def _write_existing(folder: Path, settings: dict[str, int]) -> None:
    for file, value in settings.items():
        if (folder / file).exists():
            (folder / file).write_text(str(value), encoding="ascii")


@lru_cache(maxsize=1)
def available() -> str:
    """ "" where a group can be made and joined, otherwise the reason; found by trying."""
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


def make(limits: Limits) -> Cgroup | None:
    """Groups for one sandbox, or None where there are none to be had."""
    if available():
        return None
    try:
        return Cgroup(limits)
    except OSError:
        return None
