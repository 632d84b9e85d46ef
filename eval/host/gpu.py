"""The GPU of a batch. The harness finds it once, through NVML; the worker never chooses.

CUDA, NVML and the device nodes number GPUs differently. Only a UUID is unambiguous. The worker is told the UUID
and sees the device node of that GPU alone.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from typing import Any

from data.errors import InputError
from eval.host.nvml import ask, library, nvml_text
from eval.host.packages import package_versions

SLICE = "MIG-"


@dataclass(frozen=True)
class Device:
    """One NVIDIA GPU, or a slice of one (MIG).

    index: NVML's and nvidia-smi's number. minor: N of /dev/nvidiaN; None if the driver does not tell.
    uuid: of the GPU, or of the slice. memory_bytes: total memory; None if the driver does not tell.
    """

    index: int
    uuid: str
    minor: int | None
    memory_bytes: int | None


def visible() -> list[Device]:
    """The GPUs cuda:0, cuda:1, ... after CUDA_VISIBLE_DEVICES is applied.

    Numbers in that variable count as NVML's, which equal CUDA's under CUDA_DEVICE_ORDER=PCI_BUS_ID. The list ends
    at the first invalid name, as CUDA's does.
    """
    with library() as nvml:
        if nvml is None:
            return []
        there = _all(nvml)
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        if chosen is None:
            return there
        found: list[Device] = []
        for name in (part.strip() for part in chosen.split(",")):
            device = _named(nvml, name, there)
            if device is None:
                break
            found.append(device)
        return found


def find_gpu(device: str) -> Device | None:
    """The GPU of `cuda:N`; None for `cpu`. Raises InputError if there is no such GPU."""
    if device == "cpu":
        return None
    number, there = int(device.removeprefix("cuda:")), visible()
    if number >= len(there):
        seen = (
            f"this machine has cuda:0 to cuda:{len(there) - 1}" if there else "NVML finds no NVIDIA GPU here"
        )
        raise InputError(f"--device: {device!r} is not there: {seen}")
    return there[number]


def choose_device(wanted: str) -> str:
    """`cpu` or `cuda:N` for `auto`, `cpu`, `cuda` or `cuda:N`.

    `auto` takes the first GPU if NVML sees one and torch is no CPU build, else the CPU. The worker finds out
    whether CUDA works; the parent never initialises it.
    Raises InputError for another word or a missing GPU.
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


def handle(nvml: Any, device: Device) -> Any | None:
    """NVML's handle of a GPU; None if the GPU is gone."""
    return ask(lambda: nvml.nvmlDeviceGetHandleByUUID(device.uuid))


def _all(nvml: Any) -> list[Device]:
    count = ask(lambda: int(nvml.nvmlDeviceGetCount())) or 0
    found = [_described(nvml, index) for index in range(count)]
    return [device for device in found if device is not None]


def _described(nvml: Any, index: int) -> Device | None:
    """None for one that has fallen off the bus."""
    found = ask(lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    uuid = ask(lambda: nvml_text(nvml.nvmlDeviceGetUUID(found)))
    if found is None or uuid is None:
        return None
    minor = ask(lambda: int(nvml.nvmlDeviceGetMinorNumber(found)))
    return Device(index, uuid, minor, ask(lambda: int(nvml.nvmlDeviceGetMemoryInfo(found).total)))


def _named(nvml: Any, name: str, there: list[Device]) -> Device | None:
    """The GPU that `name` means: an NVML number, the beginning of one UUID, or the UUID of a slice."""
    if name.isdigit():
        return next((device for device in there if device.index == int(name)), None)
    if name.startswith(SLICE):
        return _slice(nvml, name, there)
    matching = [device for device in there if name and device.uuid.startswith(name)]
    return matching[0] if len(matching) == 1 else None


def _slice(nvml: Any, uuid: str, there: list[Device]) -> Device | None:
    """The slice `uuid`, with the device node of its GPU. All sandboxes of slices see the slices' own nodes."""
    found = ask(lambda: nvml.nvmlDeviceGetHandleByUUID(uuid))
    whole = ask(
        lambda: nvml_text(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(found)))
    )
    memory = ask(lambda: int(nvml.nvmlDeviceGetMemoryInfo(found).total))
    return next((Device(one.index, uuid, one.minor, memory) for one in there if one.uuid == whole), None)


class GpuMemory:
    """Device memory of a sandbox: per process if the driver can tell, else the growth since the start."""

    def __init__(self, device: Device) -> None:
        """Open the driver's library until `close`. Raises OSError if NVML does not tell the GPU's memory."""
        self._open = contextlib.ExitStack()
        self._nvml: Any = self._open.enter_context(library())
        self._handle = None if self._nvml is None else handle(self._nvml, device)
        before = None if self._handle is None else self._used()
        if before is None:
            self.close()
            raise OSError("NVML does not tell this GPU's memory")
        self._before = before

    def _used(self) -> int | None:
        return ask(lambda: int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used))

    def used_by(self, pids: list[int]) -> int:
        """Bytes that `pids` hold; the growth since the start if NVML numbers processes differently (containers)."""
        users = ask(lambda: self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)) or ()
        ours = [user.usedGpuMemory for user in users if user.pid in pids]
        if ours and None not in ours:
            return sum(ours)
        return max(0, (self._used() or 0) - self._before)

    def close(self) -> None:
        """Close the driver's library."""
        self._open.close()
