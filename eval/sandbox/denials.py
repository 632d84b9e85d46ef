"""Which limit caused an error. Some limits kill nothing: they only make a call fail inside.

The process's own words decide nothing but the wording of its failure.
"""

from __future__ import annotations

import re

from eval.sandbox.limits import GIB, MIB, SHM_BYTES, Level, Limits

WORDS = {
    "memory_bytes": "memory",
    "file_bytes": "file size",
    "tmp_bytes": "temporary files",
    "writable_bytes": "written files",
    "cpu_s": "processor time",
    "output_bytes": "output",
    "gpu_memory_bytes": "GPU memory",
}
# How torch, numpy, Python and the C++ library word a refusal of the kernel
ERRORS = {
    "memory_bytes": r"can't allocate memory|Cannot allocate memory|MemoryError|std::bad_alloc|Unable to allocate",
    "processes": r"can't start new thread|Resource temporarily unavailable",
    "open_files": r"Too many open files",
    "file_bytes": r"File too large",
    "tmp_bytes": r"No space left on device",
}


def limit_behind(text: str, level: Level, limits: Limits) -> str | None:
    """Which limit an error's message points at, in words with its value. None if it points at none that is set."""
    for name, pattern in ERRORS.items():
        if getattr(limits, name) and re.search(pattern, text):
            if name != "tmp_bytes":
                return limit_in_words(name, limits)
            # Only bwrap's mounts have a size. At other levels the machine's own disk is full
            return (
                f"{limit_in_words(name, limits)} ({SHM_BYTES // MIB} MiB in /dev/shm)"
                if level is Level.BWRAP
                else None
            )
    return None


def limit_in_words(name: str, limits: Limits) -> str:
    """A limit in words with its value, for a status.

    >>> limit_in_words("memory_bytes", Limits(memory_bytes=8 * GIB))
    'memory limit of 8 GiB'
    """
    value = getattr(limits, name)
    if name == "cpu_s":
        return f"{WORDS[name]} limit of {value} s"
    if name in ("processes", "open_files"):
        return f"limit of {value} {'processes and threads' if name == 'processes' else 'open files'}"
    amount = f"{value / GIB:.4g} GiB" if value >= GIB else f"{value / MIB:.4g} MiB"
    return f"{WORDS[name]} limit of {amount}"
