"""Memory that no page table shows is counted: files without a name, open or mapped."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from eval.host.procfs import usage

MIB = 2**20
SIZE = 64 * MIB
AS_ROOT = os.geteuid() == 0
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def filled() -> int:
    """A memfd of `SIZE` bytes that were written, not touched in memory."""
    descriptor = os.memfd_create("hidden")
    for _ in range(SIZE // MIB):
        os.write(descriptor, b"x" * MIB)
    return descriptor


@contextmanager
def mapped(descriptor: int, size: int, offset: int = 0, kind: int = mmap.MAP_SHARED) -> Iterator[None]:
    """A mapping that keeps no descriptor, unlike Python's own."""
    address = libc.mmap(None, size, mmap.PROT_READ, kind, descriptor, offset)
    assert address not in (None, ctypes.c_void_p(-1).value)
    try:
        yield
    finally:
        libc.munmap(address, size)


def used() -> int:
    return usage(os.getpid(), set()).memory_bytes


@pytest.mark.parametrize("kind", [mmap.MAP_SHARED, mmap.MAP_PRIVATE], ids=["shared", "private"])
def test_mapped_and_closed(kind: int) -> None:
    before = used()
    descriptor = filled()
    with mapped(descriptor, SIZE, kind=kind):
        os.close(descriptor)
        assert used() - before == pytest.approx(SIZE, abs=8 * MIB)
    assert used() - before < 8 * MIB


@pytest.mark.parametrize("offset", [0, SIZE - mmap.PAGESIZE], ids=["first page", "last page"])
def test_mapped_in_part_and_closed(offset: int) -> None:
    if offset == 0 and not AS_ROOT:
        pytest.skip("only root is told the size of a file by its mapping")
    before = used()
    descriptor = filled()
    with mapped(descriptor, mmap.PAGESIZE, offset):
        os.close(descriptor)
        assert used() - before == pytest.approx(SIZE, abs=8 * MIB)


def test_open_and_mapped_counts_once() -> None:
    before = used()
    descriptor = filled()
    with mapped(descriptor, SIZE), mapped(descriptor, SIZE):
        assert used() - before == pytest.approx(SIZE, abs=8 * MIB)
        os.close(descriptor)
        assert used() - before == pytest.approx(SIZE, abs=8 * MIB)


def test_what_was_handed_in_does_not_count() -> None:
    before = used()
    descriptor = filled()
    status = os.fstat(descriptor)
    with mapped(descriptor, SIZE):
        known = {(status.st_dev, status.st_ino)}
        assert usage(os.getpid(), known).memory_bytes - before < 8 * MIB
        os.close(descriptor)
        assert usage(os.getpid(), known).memory_bytes - before < 8 * MIB


def test_shared_pages_that_were_touched_count_once() -> None:
    before = used()
    with mmap.mmap(-1, SIZE) as shared:
        for _ in range(SIZE // MIB):  # a single text of that size may stay with the allocator
            shared.write(b"x" * MIB)
        assert used() - before == pytest.approx(SIZE, abs=8 * MIB)
