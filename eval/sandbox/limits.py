"""What a sandbox is asked for: its level, its limits, and what may be seen inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from eval.host.gpu import Device

KIB, MIB, GIB = 2**10, 2**20, 2**30
SHM_BYTES = 64 * MIB  # size of the private /dev/shm at level bwrap


class Level(str, Enum):
    """Confinement levels, strongest first; SECURITY.md says what each one promises."""

    BWRAP = "bwrap"
    LANDLOCK = "landlock"
    PROCESS = "process"

    def __str__(self) -> str:
        return self.value

    def at_least(self, other: Level) -> bool:
        """Whether this level is as strong as `other`, for a challenge that requires a level."""
        order = list(Level)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True)
class Limits:
    """Bounds of one sandbox; 0 means no limit. Wall time is not here: the harness holds the deadlines, from which
    `eval.sandbox.limits_of` makes a limit of processor time, as it makes one of GPU memory from the GPU.

    memory_bytes: private and shared memory of all its processes. Held by RLIMIT_DATA per process, and for the
        sum by a cgroup where one can be made, otherwise by polling every `watch_interval_s`.
    file_bytes: largest file or memfd that it may grow (RLIMIT_FSIZE; the write fails with EFBIG).
    tmp_bytes: contents of its private /tmp; a tmpfs size at level bwrap, otherwise polled.
    writable_bytes: contents of the view's writable folders together, polled.
    cpu_s: processor time of all its processes (polled; RLIMIT_CPU as a backstop per process).
    processes: processes and threads together (RLIMIT_NPROC, and the pids cgroup where there is one). The kernel
        counts all of a user's: where an ordinary user starts the sandbox without a user namespace, those it has
        then are added to the limit, and room that one of them leaves later is the sandbox's too.
    open_files: descriptors per process (RLIMIT_NOFILE).
    output_kept_bytes: how much of stdout and stderr is kept; the rest is read and thrown away.
    output_bytes: how much may be written to stdout and stderr before the sandbox is killed.
    gpu_memory_bytes: device memory of all its processes (NVML, polled by the parent).
    """

    memory_bytes: int = 8 * GIB
    file_bytes: int = 256 * MIB
    tmp_bytes: int = 256 * MIB
    writable_bytes: int = GIB
    cpu_s: int = 0
    processes: int = 256
    open_files: int = 1024
    output_kept_bytes: int = MIB
    output_bytes: int = 64 * MIB
    gpu_memory_bytes: int = 0
    watch_interval_s: float = 0.1


CPU_LIMITS = Limits()
# CUDA reserves address space without touching it: RLIMIT_DATA does not count that, RLIMIT_AS would. Pinned
# host memory and the driver's threads need more room than on the CPU.
CUDA_LIMITS = replace(CPU_LIMITS, memory_bytes=32 * GIB, processes=512, file_bytes=GIB, tmp_bytes=GIB)


@dataclass(frozen=True)
class View:
    """What can be seen from inside, beside the interpreter, its packages and the system's libraries.

    Paths are absolute and the same inside as outside. As root the program has another uid, so the files must
    be readable by others (spawn checks this where it matters).

    readonly: files (better) or folders. Never a folder that holds other teams' files or HR images.
    writable: folders that may be written, e.g. a program's output; as root they are given to the uid.
    cwd: working directory; None is the private temporary folder.
    gpu: the one whose device node is shown, and which alone CUDA sees; None hides all.
    """

    readonly: Sequence[Path] = ()
    writable: Sequence[Path] = ()
    cwd: Path | None = None
    gpu: Device | None = None
