"""Graded checks of whether this machine is fit for timing.

Each check covers one source of noise and states its remedy. The idea comes from isolate-check-environment
of ioi/isolate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.host.gpu import Device
from eval.host.gpu_state import HARMLESS_THROTTLE, GpuState, read_gpu
from eval.host.machine import memory_mib, system_text, usable_cores

Grade = Literal["pass", "caution", "fail", "skipped"]


@dataclass(frozen=True)
class Check:
    """One check of the environment: what was found, its grade and its remedy (empty for `pass`)."""

    name: str
    grade: Grade
    found: str
    remedy: str = ""


def check_environment(
    gpu: Device | None = None, own_pids: frozenset[int] = frozenset(), root: Path = Path("/")
) -> list[Check]:
    """Grade what makes timings on this machine noisy. `gpu`: None for a CPU run.

    own_pids: GPU processes that belong to the harness. root: where proc and sys lie (tests use a copy).
    """
    checks = [
        _check_governor(root),
        _check_turbo(root),
        _check_load(root),
        _check_quota(root),
        _check_memory(root),
    ]
    if gpu is None:
        return checks
    return checks + _check_gpu(read_gpu(gpu), own_pids)


def _check_governor(root: Path) -> Check:
    name = "CPU frequency governor"
    paths = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    governors = sorted({text for text in map(system_text, paths) if text})
    if not governors:
        return Check(name, "skipped", "the system does not say (common in virtual machines)")
    if governors == ["performance"]:
        return Check(name, "pass", "performance")
    return Check(name, "caution", ", ".join(governors), "sudo cpupower frequency-set --governor performance")


def _check_turbo(root: Path) -> Check:
    name = "CPU turbo"
    no_turbo = system_text(root / "sys/devices/system/cpu/intel_pstate/no_turbo")
    boost = system_text(root / "sys/devices/system/cpu/cpufreq/boost")
    if no_turbo is None and boost is None:
        return Check(name, "skipped", "the system does not say (common in virtual machines)")
    if no_turbo == "1" or boost == "0":
        return Check(name, "pass", "off")
    switch = "intel_pstate/no_turbo" if no_turbo is not None else "cpufreq/boost"
    value = 1 if no_turbo is not None else 0
    remedy = f"echo {value} | sudo tee /sys/devices/system/cpu/{switch}"
    return Check(name, "caution", "on: clocks depend on heat and on other cores", remedy)


def _check_load(root: Path) -> Check:
    name = "load average"
    text = system_text(root / "proc/loadavg")
    try:
        load = float((text or "").split()[0])
    except (IndexError, ValueError):
        return Check(name, "skipped", "/proc/loadavg cannot be read")
    cores = usable_cores()
    found = f"{load:.2f} on {cores} core(s)"
    remedy = "stop other programs, then wait a minute"
    if load >= cores:
        return Check(name, "fail", found, remedy)
    return Check(name, "caution", found, remedy) if load > 0.3 * cores else Check(name, "pass", found)


def _check_quota(root: Path) -> Check:
    name = "CPU quota"
    text = system_text(root / "sys/fs/cgroup/cpu.max")
    if text is None:
        quota = system_text(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        if quota is None:
            return Check(name, "skipped", "no control group tells")
        text = "max" if quota.startswith("-") else quota
    if text.split()[:1] == ["max"]:
        return Check(name, "pass", "none")
    remedy = "run without a CPU quota (docker: no --cpus), or pin cores: --cpuset-cpus"
    return Check(name, "caution", text, remedy)


def _check_memory(root: Path) -> Check:
    name = "free memory"
    available, total = memory_mib(root, "MemAvailable"), memory_mib(root, "MemTotal")
    if available is None or not total:
        return Check(name, "skipped", "/proc/meminfo cannot be read")
    found = f"{available:.0f} of {total:.0f} MiB"
    if available < 2048:
        return Check(name, "fail", found, "close other programs: a worker that swaps cannot be timed")
    return Check(name, "pass", found)


def _check_gpu(gpu: GpuState | None, own_pids: frozenset[int]) -> list[Check]:
    if gpu is None:
        remedy = "install nvidia-ml-py and the NVIDIA driver"
        return [Check("GPU", "skipped", "NVML does not show it", remedy)]
    return [
        _check_gpu_users(gpu, own_pids),
        _check_persistence(gpu),
        _check_throttle(gpu),
    ]


def _check_gpu_users(gpu: GpuState, own_pids: frozenset[int]) -> Check:
    name = "other GPU users"
    if gpu.process_ids is None:
        return Check(name, "skipped", "NVML does not list processes")
    others = sorted(set(gpu.process_ids) - own_pids)
    if others:
        listed = ", ".join(map(str, others[:5]))
        return Check(name, "fail", f"{len(others)} process(es): {listed}", "stop them or choose another GPU")
    return Check(name, "pass", "none")


def _check_persistence(gpu: GpuState) -> Check:
    name = "GPU persistence mode"
    if gpu.persistence is None:
        return Check(name, "skipped", "NVML does not tell")
    if gpu.persistence:
        return Check(name, "pass", "on")
    return Check(name, "caution", "off: the driver unloads between programs", "sudo nvidia-smi -pm 1")


def _check_throttle(gpu: GpuState) -> Check:
    name = "GPU clocks"
    if gpu.throttle is None:
        return Check(name, "skipped", "NVML does not tell")
    bad = [reason for reason in gpu.throttle if reason not in HARMLESS_THROTTLE]
    clock = "" if gpu.clock_sm_mhz is None else f" at {gpu.clock_sm_mhz} of {gpu.clock_sm_max_mhz} MHz"
    if not bad:
        return Check(name, "pass", f"not throttled{clock}")
    remedy = "cool the card, raise its power limit, or lock clocks it can hold: sudo nvidia-smi -lgc MHZ"
    return Check(name, "fail", f"{', '.join(bad)}{clock}", remedy)
