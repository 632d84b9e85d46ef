"""Timing one forward pass inside the worker, and the parent's rule for believing that time.

The clocks are bound to module-level names when this module is imported, which the worker does before it
loads a team's code: replacing `time.perf_counter_ns` or `torch.cuda.Event` later changes nothing here. Code
that walks frames can still reach these names; that is why the parent keeps its own clock and applies
`believe`. torch is imported by the worker only: this module can be imported without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

_perf_counter_ns = time.perf_counter_ns


class CpuTimer:
    """Times a call with the monotonic clock of the process; for devices whose calls return when done."""

    def __call__(self, forward: Callable[[], T]) -> tuple[T, float]:
        """Run `forward` once; returns its result and the time it took in milliseconds."""
        start = _perf_counter_ns()
        result = forward()
        return result, (_perf_counter_ns() - start) / 1e6


class CudaTimer:
    """Times a call with CUDA events on the current stream, the device idle before and after.

    The order is the official code's: start event, forward, end event, then a synchronisation of the whole
    device. Work that a submission puts on a stream of its own ends after the end event, but before that
    synchronisation, hence inside the parent's window: `believe` then refuses the event time.
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

    def __call__(self, forward: Callable[[], T]) -> tuple[T, float]:
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
