"""A stand-in for NVML: a machine with three GPUs whose device nodes are numbered otherwise than NVML does."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

GIB = 1024**3
UUIDS = ("GPU-aa11", "GPU-bb22", "GPU-bc33")
MINORS = (2, 0, 1)
SLICE = "MIG-bb22-1"  # of the second GPU


class NvmlError(Exception):
    """What the stand-in raises where a real driver would refuse."""


class FakeNvml:
    """A handle is a UUID. What is asked of every GPU alike comes from `answers`; an exception there is raised."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self, **changes: Any) -> None:
        self.opened = self.shut_down = 0
        self.answers: dict[str, Any] = {
            "nvmlInit": None,
            "nvmlDeviceGetCount": len(UUIDS),
            "nvmlDeviceGetName": b"NVIDIA H200",
            "nvmlSystemGetDriverVersion": "570.1",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=141 * GIB, used=2 * GIB),
            "nvmlDeviceGetClockInfo": 1500,
            "nvmlDeviceGetMaxClockInfo": 1980,
            "nvmlDeviceGetTemperature": 40,
            "nvmlDeviceGetPowerUsage": 120_500,
            "nvmlDeviceGetEnforcedPowerLimit": 700_000,
            "nvmlDeviceGetPersistenceMode": 1,
            "nvmlDeviceGetCurrentClocksThrottleReasons": 0x1,
            "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=11, usedGpuMemory=GIB // 2)],
            **changes,
        }

    def nvmlInit(self) -> None:
        if isinstance(self.answers["nvmlInit"], Exception):
            raise self.answers["nvmlInit"]
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.shut_down += 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        if not 0 <= index < self.answers["nvmlDeviceGetCount"]:
            raise NvmlError("not found")
        return UUIDS[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if uuid not in (*UUIDS, SLICE):
            raise NvmlError("not found")
        return uuid

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: str) -> str:
        if handle != SLICE:
            raise NvmlError("not a slice")
        return UUIDS[1]

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return handle

    def nvmlDeviceGetMinorNumber(self, handle: str) -> int:
        return MINORS[UUIDS.index(handle)]

    def __getattr__(self, name: str) -> Any:
        answer = self.answers[name]

        def ask(*_arguments: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


def install(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> FakeNvml:
    """Put a stand-in in place of pynvml, for a caller who chose no GPUs."""
    fake = FakeNvml(**changes)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without NVIDIA's driver."""
    install(monkeypatch, nvmlInit=NvmlError("driver not loaded"))
