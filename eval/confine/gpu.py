"""Device memory of a sandbox as the driver counts it, asked by the harness (NVML), never by the worker."""

from __future__ import annotations

from typing import Any


class GpuMemory:
    """Device memory of one GPU: by process where the driver can tell, else the growth since this was made."""

    def __init__(self, index: int) -> None:
        """Open the driver's library; ImportError without nvidia-ml-py, OSError without a driver."""
        import pynvml  # only where a GPU is used

        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._device = pynvml.nvmlDeviceGetHandleByIndex(index)
            self._before = self._used()
        except pynvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error

    def _used(self) -> int:
        return int(self._nvml.nvmlDeviceGetMemoryInfo(self._device).used)

    def used_by(self, pids: list[int]) -> int:
        """Bytes that these processes hold; in a container with other pids: the growth."""
        try:
            users = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._device)
            ours = [user.usedGpuMemory for user in users if user.pid in pids]
            if ours and None not in ours:
                return sum(ours)
            return max(0, self._used() - self._before)
        except self._nvml.NVMLError:
            return 0
