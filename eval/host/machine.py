"""The machine that a measurement ran on. No torch: the parent imports this module."""

from __future__ import annotations

import contextlib
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval.host.gpu import Device
from eval.host.gpu_state import GpuState, read_gpu
from eval.host.packages import package_versions


@dataclass(frozen=True)
class Machine:
    """What a record says about its machine. Nothing here names the host or its user.

    cores: logical processors; usable_cores: those that this process may run on.
    packages: version per distribution of `PACKAGES` that is installed.
    """

    cpu: str
    cores: int
    usable_cores: int
    memory_mib: float | None
    system: str
    kernel: str
    python: str
    packages: dict[str, str] = field(default_factory=dict)
    gpu: GpuState | None = None


def machine_record(gpu: Device | None = None) -> dict[str, Any]:
    """`describe_machine` as plain data for a record: numbers, texts, lists, None."""
    return asdict(describe_machine(gpu))


def describe_machine(gpu: Device | None = None, root: Path = Path("/")) -> Machine:
    """Describe this machine and one of its GPUs. `root`: where proc and etc lie."""
    return Machine(
        cpu=_cpu_model(root) or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory_mib=memory_mib(root, "MemTotal"),
        system=_system_name(root),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages=package_versions(),
        gpu=None if gpu is None else read_gpu(gpu),
    )


def system_text(path: Path) -> str | None:
    """The stripped text of a system file; None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def usable_cores() -> int:
    """Logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model(root: Path) -> str | None:
    for line in (system_text(root / "proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("model name", "hardware", "cpu model"):
            return value.strip()
    return None


def _system_name(root: Path) -> str:
    for line in (system_text(root / "etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return platform.platform(terse=True)


def memory_mib(root: Path, entry: str) -> float | None:
    """One entry of /proc/meminfo, such as `MemTotal`; None if the system does not tell."""
    for line in (system_text(root / "proc/meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == entry:
            with contextlib.suppress(ValueError, IndexError):
                return int(value.split()[0]) / 1024.0
    return None
