"""Run one stranger's process confined: the public face of this package (theory of operation: SECURITY.md).

    level, note = choose("auto")                     # the strongest level that works here, and what was found
    with spawn(level, [sys.executable, "-I", "-B", "/repo/eval/worker/__main__.py", "7"], View(readonly=[...]),
               CPU_LIMITS, pass_fds=[7], env={"OMP_NUM_THREADS": "4"}) as confined:
        ...                                          # talk over descriptor 7, keep the wall clock here
        confined.kill()                              # everything of this submission dies, daemons included
        confined.limit_hit()                         # which limit ended it, or None
        confined.output()                            # the first bytes of stdout and stderr

Inside, the worker calls `eval.filters.lockdown.lock()` after `import torch` and before the team's module. The files
that this needs (`RUNTIME_FILES`) are always visible inside, everything else of the repository only if it is
in the view.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace

from eval.host.gpu import Device, find_gpu
from eval.sandbox.limits import (
    CPU_LIMITS,
    CUDA_LIMITS,
    MIB,
    Level,
    Limits,
    View,
)
from eval.sandbox.probe import choose
from eval.sandbox.process import Confined
from eval.sandbox.start import spawn
from eval.sandbox.visible_files import RUNTIME_FILES, is_visible

__all__ = [
    "CPU_LIMITS",
    "CUDA_LIMITS",
    "RUNTIME_FILES",
    "Confined",
    "Device",
    "Level",
    "Limits",
    "View",
    "choose",
    "find_gpu",
    "is_visible",
    "limits_of",
    "spawn",
]

LONGEST_S = 2**31 - 1


def limits_of(gpu: Device | None, total_s: float) -> Limits:
    """The limits of a worker on `gpu` (None: the CPU) that may live for `total_s` seconds by the harness's clock.

    Processor time: what all usable cores give in that time, which nobody reaches while the harness is there to
    end the worker; the kernel holds it for each process when the harness is stopped or hangs. GPU memory: all
    but a sixteenth, 512 MiB at least, which the driver and the other workers' contexts take.
    """
    cpu_s = math.ceil(min(total_s * len(os.sched_getaffinity(0)), LONGEST_S))
    if gpu is None:
        return replace(CPU_LIMITS, cpu_s=cpu_s)
    memory = gpu.memory_bytes or 0
    left = max(memory - max(memory // 16, 512 * MIB), 0)
    return replace(CUDA_LIMITS, cpu_s=cpu_s, gpu_memory_bytes=left)
