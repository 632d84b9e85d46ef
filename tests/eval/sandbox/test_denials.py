"""The limit behind an error that a limit only caused inside a worker."""

from __future__ import annotations

import pytest

from eval.sandbox.denials import limit_behind
from eval.sandbox.limits import (
    CPU_LIMITS,
    GIB,
    Level,
    Limits,
)

LIMITS = Limits(memory_bytes=2 * GIB)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory: you tried to "
         "allocate 268435456 bytes. Error code 12 (Cannot allocate memory)", "memory limit of 2 GiB"),
        ("MemoryError: ", "memory limit of 2 GiB"),
        ("Unable to allocate 8.00 GiB for an array with shape (1073741824,)", "memory limit of 2 GiB"),
        ("; last output: terminate called after throwing an instance of 'std::bad_alloc'", "memory limit of 2 GiB"),
        ("RuntimeError: can't start new thread", "limit of 256 processes and threads"),
        ("OSError: [Errno 24] Too many open files: 'x'", "limit of 1024 open files"),
        ("OSError: [Errno 27] File too large", "file size limit of 256 MiB"),
        ("OSError: [Errno 28] No space left on device",
         "temporary files limit of 256 MiB (64 MiB in /dev/shm)"),
        ("CUDA out of memory. Tried to allocate 20.00 MiB", None),
        ("bad output: shape (1, 3, 4, 4), expected (1, 3, 96, 80)", None),
    ],
)  # fmt: skip
def test_an_error_names_its_limit(error: str, expected: str | None) -> None:
    assert limit_behind(error, Level.BWRAP, LIMITS) == expected


def test_a_limit_that_is_not_set_is_not_named() -> None:
    assert limit_behind("MemoryError: ", Level.BWRAP, Limits(memory_bytes=0)) is None


@pytest.mark.parametrize("level", [Level.LANDLOCK, Level.PROCESS])
def test_a_full_disk_of_the_machine_is_no_limit_of_the_sandbox(level: Level) -> None:
    assert limit_behind("OSError: [Errno 28] No space left on device", level, CPU_LIMITS) is None
