"""What a sandbox is asked for: its level, its limits (memory, time, files), and what may be seen inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from eval.host.gpu import Device

MIB, GIB = 2**20, 2**30
SHM_BYTES = 64 * MIB  # size of the private /dev/shm at level bwrap


class Level(str, Enum):
    """Confinement levels, strongest first. SECURITY.md says what each one promises."""

    BWRAP = "bwrap"
    LANDLOCK = "landlock"
    PROCESS = "process"

    def __str__(self) -> str:
        return self.value

    def at_least(self, other: Level) -> bool:
        """Whether this level is at least as strong as `other`, for a challenge that requires a level."""
        order = list(Level)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True)
class Limits:
    """Limits of one sandbox. 0 means no limit.

    Wall time is not among them, because the harness holds the deadlines. `eval.sandbox.limits_of` derives the limit
    of processor time from the deadline, and that of GPU memory from the GPU.

    memory_bytes: private and shared memory of all its processes. RLIMIT_DATA holds it for each process. A control
        group holds it for the sum, if one can be made; otherwise the sum is polled every `watch_interval_s`.
    file_bytes: size of the largest file or memfd (RLIMIT_FSIZE; a larger write fails with EFBIG).
    tmp_bytes: contents of its private /tmp. At level bwrap it is the size of the mount, otherwise it is polled.
    writable_bytes: contents of the view's writable folders together, polled.
    cpu_s: processor time of all its processes, polled. RLIMIT_CPU holds it for each process.
    processes: processes and threads together (RLIMIT_NPROC, and the pids control group if there is one). The kernel
        counts all tasks of a user. If an ordinary user starts the sandbox without a user namespace, the tasks that
        run at that time are added to the limit. If one of them ends later, the sandbox can use its place.
    open_files: descriptors of each process (RLIMIT_NOFILE).
    output_kept_bytes: how much of stdout and stderr is kept. The rest is read and thrown away.
    output_bytes: how much may be written to stdout and stderr before the sandbox is killed.
    gpu_memory_bytes: device memory of all its processes, polled by the parent (NVML).
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
# CUDA reserves address space and does not touch it. RLIMIT_DATA does not count that; RLIMIT_AS would. Pinned host
# memory and the driver's threads need more room than a worker on the CPU.
CUDA_LIMITS = replace(CPU_LIMITS, memory_bytes=32 * GIB, processes=512, file_bytes=GIB, tmp_bytes=GIB)


@dataclass(frozen=True)
class View:
    """What can be seen from inside, beside the interpreter, its packages and the system's libraries.

    Paths are absolute, and the same inside as outside. If root starts the sandbox, the program has another uid, so
    the files must be readable by others. `spawn` checks this if it matters.

    readonly: files (better) or folders. Never name a folder that holds other teams' files or HR images.
    writable: folders that may be written, such as a program's output. If root starts the sandbox, the program's uid
        becomes their owner.
    cwd: working directory. None means the private temporary folder.
    gpu: the GPU whose device node is shown; CUDA sees it alone. None hides every GPU.
    """

    readonly: Sequence[Path] = ()
    writable: Sequence[Path] = ()
    cwd: Path | None = None
    gpu: Device | None = None
