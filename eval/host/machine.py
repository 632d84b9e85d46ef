"""The machine that a measurement ran on: what it is, what else uses it, and whether it is fit for timing.

For the parent: no torch. NVIDIA's figures come through NVML (`pynvml`), read lazily; without a driver they
are None. The graded checks follow the idea of ioi/isolate's isolate-check-environment: each source of noise
is looked at, graded, and comes with its remedy.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import sys
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from data.errors import InputError
from eval.host.gpu import (
    SLICE,
    Device,
    as_text,
    ask,
    find_gpu,
    handle,
    library,
    visible,
)

Grade = Literal["pass", "caution", "fail", "skipped"]

MIB = 1024.0**2
# Distributions whose version can change a number of a record.
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "opencv-python-headless",
    "fvcore",
    "thop",
    "spandrel",
    "nvidia-ml-py",
)
# Bits of nvmlDeviceGetCurrentClocksThrottleReasons (nvml.h, nvmlClocksThrottleReason*).
THROTTLE_BITS = {
    0x1: "gpu idle",
    0x2: "applications clocks setting",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
    0x100: "display clock setting",
}
# Clocks lowered on request or for lack of work; the other reasons spoil a measurement.
HARMLESS_THROTTLE = frozenset({"gpu idle", "applications clocks setting", "display clock setting"})


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU at one moment; a figure that NVML refuses is None.

    index: NVML's. throttle: names of the active reasons for lowered clocks (`THROTTLE_BITS`).
    process_ids: compute processes on it, as NVML numbers them (the host's numbers, also in a container).
    """

    index: int
    name: str
    driver: str | None
    memory_total_mib: float | None
    memory_used_mib: float | None
    clock_sm_mhz: int | None
    clock_sm_max_mhz: int | None
    clock_memory_mhz: int | None
    temperature_c: int | None
    power_w: float | None
    power_limit_w: float | None
    persistence: bool | None
    throttle: tuple[str, ...] | None
    process_ids: tuple[int, ...] | None


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
    gpu: Gpu | None = None


@dataclass(frozen=True)
class Check:
    """One look at the environment: what was found, its grade, and what to do about it (empty for `pass`)."""

    name: str
    grade: Grade
    found: str
    remedy: str = ""


def describe(gpu: Device | None = None) -> dict[str, Any]:
    """`describe_machine` as plain data for a record: numbers, texts, lists, None."""
    return asdict(describe_machine(gpu))


def describe_machine(gpu: Device | None = None, root: Path = Path("/")) -> Machine:
    """Describe this machine and one of its GPUs. `root`: where proc and etc lie."""
    return Machine(
        cpu=_cpu_model(root) or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        usable_cores=_usable_cores(),
        memory_mib=_memory_mib(root, "MemTotal"),
        system=_system_name(root),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages=package_versions(),
        gpu=None if gpu is None else read_gpu(gpu),
    )


def package_versions() -> dict[str, str]:
    """Versions of the installed distributions of `PACKAGES`, from their metadata: nothing is imported."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model(root: Path) -> str | None:
    for line in (_read(root / "proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("model name", "hardware", "cpu model"):
            return value.strip()
    return None


def _system_name(root: Path) -> str:
    for line in (_read(root / "etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return platform.platform(terse=True)


def _memory_mib(root: Path, entry: str) -> float | None:
    for line in (_read(root / "proc/meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == entry:
            with contextlib.suppress(ValueError, IndexError):
                return int(value.split()[0]) / 1024.0
    return None


# --- the device to run on ---


def choose_device(wanted: str) -> str:
    """`cpu` or `cuda:N` for `auto`, `cpu`, `cuda` or `cuda:N`.

    `auto` takes the first GPU where NVML sees one and torch is no CPU build, else the CPU. Whether
    CUDA then works is for the worker to find out: the parent never initialises it.
    Raises InputError for another word and for a GPU that is not there.
    """
    if wanted == "cpu":
        return wanted
    if wanted == "auto":
        return "cuda:0" if visible() and not package_versions().get("torch", "").endswith("+cpu") else "cpu"
    match = re.fullmatch(r"cuda(?::(\d{1,3}))?", wanted)
    if match is None:
        raise InputError(f"--device: {wanted!r} is none of auto, cpu, cuda:N")
    device = f"cuda:{int(match[1] or 0)}"
    find_gpu(device)
    return device


# --- NVML ---


def read_gpu(device: Device) -> Gpu | None:
    """The state of one GPU now; None where it cannot be asked, and for a slice of one (MIG)."""
    if device.uuid.startswith(SLICE):
        return None
    with library() as nvml:
        found = None if nvml is None else handle(nvml, device)
        return None if found is None else _read_handle(nvml, found, device.index)


def _read_handle(nvml: Any, handle: Any, index: int) -> Gpu:
    memory = ask(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    bits = ask(lambda: int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)))
    processes = ask(lambda: tuple(int(p.pid) for p in nvml.nvmlDeviceGetComputeRunningProcesses(handle)))
    persistence = ask(lambda: bool(nvml.nvmlDeviceGetPersistenceMode(handle)))
    power = ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1e3)
    limit = ask(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3)
    return Gpu(
        index=index,
        name=ask(lambda: as_text(nvml.nvmlDeviceGetName(handle))) or "unknown GPU",
        driver=ask(lambda: as_text(nvml.nvmlSystemGetDriverVersion())),
        memory_total_mib=None if memory is None else memory.total / MIB,
        memory_used_mib=None if memory is None else memory.used / MIB,
        clock_sm_mhz=ask(lambda: int(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))),
        clock_sm_max_mhz=ask(lambda: int(nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM))),
        clock_memory_mhz=ask(lambda: int(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM))),
        temperature_c=ask(lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        power_w=power,
        power_limit_w=limit,
        persistence=persistence,
        throttle=None if bits is None else throttle_names(bits),
        process_ids=processes,
    )


def throttle_names(bits: int) -> tuple[str, ...]:
    """Names of the set bits of NVML's throttle reasons; unknown bits appear as hexadecimal numbers."""
    names = [name for bit, name in THROTTLE_BITS.items() if bits & bit]
    rest = bits & ~sum(THROTTLE_BITS)
    return (*names, hex(rest)) if rest else tuple(names)


def timing_disturbances(before: Gpu | None, after: Gpu | None, own_pids: frozenset[int]) -> list[str]:
    """What spoilt a timing pass on a GPU, from its state before and after; empty where nothing is seen.

    own_pids: the harness's and its worker's numbers as NVML knows them.
    """
    found = []
    for when, gpu in (("before", before), ("after", after)):
        if gpu is None:
            continue
        bad = [name for name in gpu.throttle or () if name not in HARMLESS_THROTTLE]
        if bad:
            found.append(f"clocks lowered {when} the timing pass: {', '.join(bad)}")
        others = set(gpu.process_ids or ()) - own_pids
        if others:
            found.append(f"{len(others)} other process(es) on the GPU {when} the timing pass")
    return found


# --- checks ---


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
    governors = sorted({text for text in map(_read, paths) if text})
    if not governors:
        return Check(name, "skipped", "the system does not say (common in virtual machines)")
    if governors == ["performance"]:
        return Check(name, "pass", "performance")
    return Check(name, "caution", ", ".join(governors), "sudo cpupower frequency-set --governor performance")


def _check_turbo(root: Path) -> Check:
    name = "CPU turbo"
    no_turbo = _read(root / "sys/devices/system/cpu/intel_pstate/no_turbo")
    boost = _read(root / "sys/devices/system/cpu/cpufreq/boost")
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
    text = _read(root / "proc/loadavg")
    try:
        load = float((text or "").split()[0])
    except (IndexError, ValueError):
        return Check(name, "skipped", "/proc/loadavg cannot be read")
    cores = _usable_cores()
    found = f"{load:.2f} on {cores} core(s)"
    remedy = "stop other programs, then wait a minute"
    if load >= cores:
        return Check(name, "fail", found, remedy)
    return Check(name, "caution", found, remedy) if load > 0.3 * cores else Check(name, "pass", found)


def _check_quota(root: Path) -> Check:
    name = "CPU quota"
    text = _read(root / "sys/fs/cgroup/cpu.max")
    if text is None:
        quota = _read(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        if quota is None:
            return Check(name, "skipped", "no control group tells")
        text = "max" if quota.startswith("-") else quota
    if text.split()[:1] == ["max"]:
        return Check(name, "pass", "none")
    remedy = "run without a CPU quota (docker: no --cpus), or pin cores: --cpuset-cpus"
    return Check(name, "caution", text, remedy)


def _check_memory(root: Path) -> Check:
    name = "free memory"
    available, total = _memory_mib(root, "MemAvailable"), _memory_mib(root, "MemTotal")
    if available is None or not total:
        return Check(name, "skipped", "/proc/meminfo cannot be read")
    found = f"{available:.0f} of {total:.0f} MiB"
    if available < 2048:
        return Check(name, "fail", found, "close other programs: a worker that swaps cannot be timed")
    return Check(name, "pass", found)


def _check_gpu(gpu: Gpu | None, own_pids: frozenset[int]) -> list[Check]:
    if gpu is None:
        remedy = "install nvidia-ml-py and the NVIDIA driver"
        return [Check("GPU", "skipped", "NVML does not show it", remedy)]
    return [
        _check_gpu_users(gpu, own_pids),
        _check_persistence(gpu),
        _check_throttle(gpu),
    ]


def _check_gpu_users(gpu: Gpu, own_pids: frozenset[int]) -> Check:
    name = "other GPU users"
    if gpu.process_ids is None:
        return Check(name, "skipped", "NVML does not list processes")
    others = sorted(set(gpu.process_ids) - own_pids)
    if others:
        listed = ", ".join(map(str, others[:5]))
        return Check(name, "fail", f"{len(others)} process(es): {listed}", "stop them or choose another GPU")
    return Check(name, "pass", "none")


def _check_persistence(gpu: Gpu) -> Check:
    name = "GPU persistence mode"
    if gpu.persistence is None:
        return Check(name, "skipped", "NVML does not tell")
    if gpu.persistence:
        return Check(name, "pass", "on")
    return Check(name, "caution", "off: the driver unloads between programs", "sudo nvidia-smi -pm 1")


def _check_throttle(gpu: Gpu) -> Check:
    name = "GPU clocks"
    if gpu.throttle is None:
        return Check(name, "skipped", "NVML does not tell")
    bad = [reason for reason in gpu.throttle if reason not in HARMLESS_THROTTLE]
    clock = "" if gpu.clock_sm_mhz is None else f" at {gpu.clock_sm_mhz} of {gpu.clock_sm_max_mhz} MHz"
    if not bad:
        return Check(name, "pass", f"not throttled{clock}")
    remedy = "cool the card, raise its power limit, or lock clocks it can hold: sudo nvidia-smi -lgc MHZ"
    return Check(name, "fail", f"{', '.join(bad)}{clock}", remedy)


def main(arguments: list[str] | None = None) -> int:
    """`python -m eval.machine [--device D]`: print the checks; 1 when one fails, 2 for a usage error, else 0."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.machine", description="Is this machine fit for timing?"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N (default: auto)")
    try:
        gpu = find_gpu(choose_device(parser.parse_args(arguments).device))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    checks = check_environment(gpu)
    for check in checks:
        print(f"{check.grade:8}{check.name}: {check.found}")
        if check.grade in ("caution", "fail"):
            print(f"{'':8}remedy: {check.remedy}")
    return int(any(check.grade == "fail" for check in checks))


if __name__ == "__main__":
    sys.exit(main())
