"""Run one stranger's process confined: the public face of `eval.confine` (theory of operation: SECURITY.md).

    level, note = choose("auto")                     # the strongest level that works here, and what was found
    with spawn(level, [sys.executable, "-I", "-B", "/repo/eval/worker.py", "7"], View(readonly=[...]),
               CPU_LIMITS, pass_fds=[7], env={"OMP_NUM_THREADS": "4"}) as confined:
        ...                                          # talk over descriptor 7, keep the wall clock here
        confined.kill()                              # everything of this submission dies, daemons included
        confined.limit_hit()                         # which limit ended it, or None
        confined.output()                            # the first bytes of stdout and stderr

Inside, the worker calls `eval.lockdown.lock()` after `import torch` and before the team's module. The files
that this needs (`RUNTIME_FILES`) are always visible inside, everything else of the repository only if it is
in the view.
"""

from __future__ import annotations

from eval.confine.confined import Confined
from eval.confine.probe import choose, probe
from eval.confine.runtime import RUNTIME_FILES, is_visible
from eval.confine.spawn import spawn
from eval.confine.types import CPU_LIMITS, CUDA_LIMITS, Level, Limits, View

__all__ = [
    "CPU_LIMITS",
    "CUDA_LIMITS",
    "RUNTIME_FILES",
    "Confined",
    "Level",
    "Limits",
    "View",
    "choose",
    "is_visible",
    "probe",
    "spawn",
]
