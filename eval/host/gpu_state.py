"""The state of a GPU at one moment: memory, clocks, temperature, processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eval.host.gpu import SLICE, Device, handle
from eval.host.nvml import ask, library, nvml_text

_MIB = 1024.0**2
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
# Lowered on request or for lack of work. Every other reason spoils a measurement.
HARMLESS_THROTTLE = frozenset({"gpu idle", "applications clocks setting", "display clock setting"})


@dataclass(frozen=True)
class GpuState:
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


def read_gpu(device: Device) -> GpuState | None:
    """The state of one GPU now; None if NVML does not answer, and for a slice (MIG)."""
    if device.uuid.startswith(SLICE):
        return None
    with library() as nvml:
        found = None if nvml is None else handle(nvml, device)
        return None if found is None else _read_handle(nvml, found, device.index)


def _read_handle(nvml: Any, handle: Any, index: int) -> GpuState:
    memory = ask(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    bits = ask(lambda: int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)))
    processes = ask(lambda: tuple(int(p.pid) for p in nvml.nvmlDeviceGetComputeRunningProcesses(handle)))
    persistence = ask(lambda: bool(nvml.nvmlDeviceGetPersistenceMode(handle)))
    power = ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1e3)
    limit = ask(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3)
    return GpuState(
        index=index,
        name=ask(lambda: nvml_text(nvml.nvmlDeviceGetName(handle))) or "unknown GPU",
        driver=ask(lambda: nvml_text(nvml.nvmlSystemGetDriverVersion())),
        memory_total_mib=None if memory is None else memory.total / _MIB,
        memory_used_mib=None if memory is None else memory.used / _MIB,
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


def timing_disturbances(
    before: GpuState | None, after: GpuState | None, own_pids: frozenset[int]
) -> list[str]:
    """What disturbed a timing pass on a GPU, from its state before and after. Empty if nothing was seen.

    own_pids: process numbers of the harness and its worker, as NVML numbers them.
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
