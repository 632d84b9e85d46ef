"""Times one forward pass inside the worker.

The clocks are bound to names of this module when it is imported, before a team's code is loaded. Replacing
`time.perf_counter_ns` or `torch.cuda.Event` later changes nothing here. Code that walks frames can still reach these
names. So the parent keeps its own clock and compares (`eval.integrity.clocks`). The module can be imported without
torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

_T = TypeVar("_T")

_perf_counter_ns = time.perf_counter_ns


class CpuTimer:
    """Times a call with the monotonic clock of the process; for devices whose calls return when done."""

    def __call__(self, forward: Callable[[], _T]) -> tuple[_T, float]:
        """Run `forward` once; returns its result and the time it took in milliseconds."""
        start = _perf_counter_ns()
        result = forward()
        return result, (_perf_counter_ns() - start) / 1e6


class CudaTimer:
    """Times a call with CUDA events on the current stream, the device idle before and after.

    The order is the official code's: start event, forward, end event, then a synchronisation of the whole device.
    Work on a stream of the submission's own may end after the end event. It ends before the synchronisation, so it is
    in the parent's window and the clocks disagree.
    """

    def __init__(self, device: torch.device) -> None:
        import torch

        self._device = device
        self._synchronize = torch.cuda.synchronize
        self._event = torch.cuda.Event
        self._stream = torch.cuda.current_stream
        with torch.cuda.device(device):
            self._start = self._event(enable_timing=True)
            self._end = self._event(enable_timing=True)
        # Bound once: a submission that replaces the methods of the class does not reach these.
        self._record_start, self._record_end = self._start.record, self._end.record
        self._elapsed_ms = self._start.elapsed_time

    def __call__(self, forward: Callable[[], _T]) -> tuple[_T, float]:
        """Run `forward` once; returns its result and the device time it took in milliseconds."""
        self._synchronize(self._device)
        stream = self._stream(self._device)
        self._record_start(stream)
        result = forward()
        self._record_end(stream)
        self._synchronize(self._device)
        return result, float(self._elapsed_ms(self._end))


def make_timer(device: torch.device) -> CpuTimer | CudaTimer:
    """The timer for a device. Raises ValueError for a device type that is neither `cpu` nor `cuda`."""
    if device.type == "cuda":
        return CudaTimer(device)
    if device.type == "cpu":
        return CpuTimer()
    raise ValueError(f"device {device}: expected cpu or cuda")
