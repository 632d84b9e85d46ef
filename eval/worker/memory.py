"""Peak memory of a submission, on CUDA and on CPU; the two are different quantities and never mixed.

CUDA: `torch.cuda.max_memory_allocated` after a reset, as the official code reads it: tensors of this process
that torch's allocator handed out on the device, weights included, the CUDA context and cached blocks not.
CPU: peak resident set of the worker process: everything it touched, the interpreter, torch's libraries
(about 300 MiB before any model) and the image slots included. Compare it only with other CPU figures.
torch is imported by the worker only: this module can be imported without it.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_MIB = 1024.0**2
_PROC = Path("/proc")
# Documented in Linux's Documentation/filesystems/proc.rst: 5 resets the peak ("high water mark").
_RESET_PEAK = "5\n"


def peak_rss_mib() -> float:
    """Peak resident memory of this process in MiB: VmHWM, or getrusage's where /proc is missing."""
    peak_kib = _status_kib("VmHWM")
    if peak_kib is None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return (
            peak / _MIB if sys.platform == "darwin" else peak / 1024.0
        )  # Linux counts in KiB, macOS in bytes
    return peak_kib / 1024.0


def reset_peak_rss() -> bool:
    """Set the calling process's VmHWM back to its present size; False where that is refused.

    It is refused where /proc is read-only (some sandboxes) or absent; the peak then covers the whole life of
    the process, loading included, which the record must say (`MemoryMeter.since_reset`).
    """
    try:
        (_PROC / "self" / "clear_refs").write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _status_kib(field: str) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (_PROC / "self" / "status").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0])
    return None


class MemoryMeter:
    """Peak memory between `reset` and `peak_mib` on one device.

    since_reset: whether the last reset worked; False means that the peak is the whole process's.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.since_reset = False

    def reset(self) -> None:
        """Start anew; called before each pass, since the official code's missing reset carries peaks over."""
        if self._device.type == "cuda":
            import torch

            torch.cuda.synchronize(self._device)
            torch.cuda.reset_peak_memory_stats(self._device)
            self.since_reset = True
        else:
            self.since_reset = reset_peak_rss()

    def peak_mib(self) -> float:
        """Peak in MiB: allocated tensors on CUDA, resident memory on CPU."""
        if self._device.type == "cuda":
            import torch

            return float(torch.cuda.max_memory_allocated(self._device)) / _MIB
        return peak_rss_mib()
