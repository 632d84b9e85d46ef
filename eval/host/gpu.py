"""The GPU of a batch: found once, through NVML, by the harness; never by the worker.

CUDA, NVML and the device nodes each number GPUs in their own way, so only a UUID says which one is meant: the
worker is told that, and sees the node of that GPU alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from data.errors import InputError

T = TypeVar("T")
SLICE = "MIG-"


@dataclass(frozen=True)
class Device:
    """One NVIDIA GPU, or a slice of one (MIG).

    index: NVML's and nvidia-smi's number. minor: N of /dev/nvidiaN; None where the driver does not tell.
    uuid: of the GPU, or of the slice. memory_bytes: all that it has; None where the driver does not tell.
    """

    index: int
    uuid: str
    minor: int | None
    memory_bytes: int | None


@contextlib.contextmanager
def library() -> Iterator[Any | None]:
    """pynvml between init and shutdown; None where the package or the driver is missing."""
    nvml: Any | None = None
    try:
        import pynvml  # only where a GPU may be

        pynvml.nvmlInit()
        nvml = pynvml
    except Exception:  # no package, no driver, no permission: all mean that there is nothing to read
        nvml = None
    try:
        yield nvml
    finally:
        if nvml is not None:
            with contextlib.suppress(Exception):
                nvml.nvmlShutdown()


def ask(question: Callable[[], T]) -> T | None:
    """An NVML query's answer; None where this GPU or driver does not support it."""
    try:
        return question()
    except Exception:  # pynvml raises one class per error code; each means "no figure"
        return None


def as_text(value: Any) -> str:
    """NVML strings: bytes in older bindings."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def visible() -> list[Device]:
    """The GPUs that are cuda:0, cuda:1, ... for the caller, who may have chosen by CUDA_VISIBLE_DEVICES.

    Numbers in it are taken as NVML's, which are CUDA's under CUDA_DEVICE_ORDER=PCI_BUS_ID. As CUDA does, the
    list ends at the first name that is none.
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
    """The GPU of `cuda:N`; None for `cpu`. Raises InputError where it is not there."""
    if device == "cpu":
        return None
    number, there = int(device.removeprefix("cuda:")), visible()
    if number >= len(there):
        seen = (
            f"this machine has cuda:0 to cuda:{len(there) - 1}" if there else "NVML finds no NVIDIA GPU here"
        )
        raise InputError(f"--device: {device!r} is not there: {seen}")
    return there[number]


def handle(nvml: Any, device: Device) -> Any | None:
    """NVML's own name for it; None where it is gone."""
    return ask(lambda: nvml.nvmlDeviceGetHandleByUUID(device.uuid))


def _all(nvml: Any) -> list[Device]:
    count = ask(lambda: int(nvml.nvmlDeviceGetCount())) or 0
    found = [_described(nvml, index) for index in range(count)]
    return [device for device in found if device is not None]


def _described(nvml: Any, index: int) -> Device | None:
    """None for one that has fallen off the bus."""
    found = ask(lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    uuid = ask(lambda: as_text(nvml.nvmlDeviceGetUUID(found)))
    if found is None or uuid is None:
        return None
    minor = ask(lambda: int(nvml.nvmlDeviceGetMinorNumber(found)))
    return Device(index, uuid, minor, ask(lambda: int(nvml.nvmlDeviceGetMemoryInfo(found).total)))


def _named(nvml: Any, name: str, there: list[Device]) -> Device | None:
    """A number of NVML's, the beginning of one UUID, or the UUID of a slice."""
    if name.isdigit():
        return next((device for device in there if device.index == int(name)), None)
    if name.startswith(SLICE):
        return _slice(nvml, name, there)
    matching = [device for device in there if name and device.uuid.startswith(name)]
    return matching[0] if len(matching) == 1 else None


def _slice(nvml: Any, uuid: str, there: list[Device]) -> Device | None:
    """A slice has the device node of its GPU, beside nodes of its own that all slices' sandboxes are shown."""
    found = ask(lambda: nvml.nvmlDeviceGetHandleByUUID(uuid))
    whole = ask(
        lambda: as_text(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(found)))
    )
    memory = ask(lambda: int(nvml.nvmlDeviceGetMemoryInfo(found).total))
    return next((Device(one.index, uuid, one.minor, memory) for one in there if one.uuid == whole), None)


class GpuMemory:
    """Device memory of a sandbox: by process where the driver can tell, else the growth since this was made."""

    def __init__(self, device: Device) -> None:
        """Open the driver's library for as long as this lives; OSError where it cannot be asked."""
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
        """Bytes that these processes hold; in a container with other pids: the growth."""
        users = ask(lambda: self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)) or ()
        ours = [user.usedGpuMemory for user in users if user.pid in pids]
        if ours and None not in ours:
            return sum(ours)
        return max(0, (self._used() or 0) - self._before)

    def close(self) -> None:
        """Let the driver's library go."""
        self._open.close()
