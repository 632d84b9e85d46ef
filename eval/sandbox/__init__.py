"""Runs one program of a stranger in a sandbox. This is the parent's side; SECURITY.md explains the whole.

    level, note = choose_level("auto")               # the strongest level that works here, and what was found
    with spawn(level, [sys.executable, "-I", "-B", "/repo/eval/worker/__main__.py", "7"], View(readonly=[...]),
               CPU_LIMITS, pass_fds=[7], env={"OMP_NUM_THREADS": "4"}) as confined:
        ...                                          # talk over descriptor 7; the wall clock is kept here
        confined.kill()                              # ends every process of this submission, daemons included
        confined.limit_hit()                         # which limit ended it, or None
        confined.output()                            # the first bytes of stdout and stderr

Inside, the worker calls `eval.filters.lockdown.lock()` after `import torch` and before it loads the team's module.
The files that this needs (`RUNTIME_FILES`) are always visible inside. Other files of the repository are visible only
if the view names them.

    limits         the level, the limits (memory, processor time, files, output) and the view
    probe          finds the level that works
    start          starts a sandbox
    process        a running sandbox, and its end
    watch          polls what the kernel does not limit
    visible_files  what every program may read
    bwrap          the options of bubblewrap
    cuda           device nodes and files of a GPU
    cgroup         control groups
    uids           unused uids
    denials        which limit an error points at
"""

from __future__ import annotations

import math
import os
from dataclasses import replace

from eval.host.gpu import Device, find_gpu
from eval.sandbox.limits import CPU_LIMITS, CUDA_LIMITS, MIB, Level, Limits, View
from eval.sandbox.probe import choose_level
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
    "choose_level",
    "find_gpu",
    "is_visible",
    "limits_of",
    "spawn",
]

LONGEST_S = 2**31 - 1


def limits_of(gpu: Device | None, total_s: float) -> Limits:
    """The limits of a worker on `gpu` (None: the CPU) that may live for `total_s` seconds by the harness's clock.

    The limit of processor time is what all usable cores give in that time. The harness ends the worker before that;
    if the harness was stopped, the kernel holds the limit for each process. The limit of GPU memory leaves a
    sixteenth, and at least 512 MiB, for the driver and the contexts of other workers.
    """
    cpu_s = math.ceil(min(total_s * len(os.sched_getaffinity(0)), LONGEST_S))
    if gpu is None:
        return replace(CPU_LIMITS, cpu_s=cpu_s)
    memory = gpu.memory_bytes or 0
    left = max(memory - max(memory // 16, 512 * MIB), 0)
    return replace(CUDA_LIMITS, cpu_s=cpu_s, gpu_memory_bytes=left)
