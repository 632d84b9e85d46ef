"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eval.worker import memory

CPU: Any = SimpleNamespace(type="cpu")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def touch(mebibytes: int) -> int:
    """Fill that much memory, then let it go; returns something to keep it from being optimised away."""
    block = bytearray(mebibytes * 1024 * 1024)
    block[::4096] = b"x" * len(block[::4096])
    return len(block)


@linux
def test_peak_is_at_least_the_present_size() -> None:
    peak = memory.peak_rss_mib()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    assert peak >= 0.9 * pages * resource.getpagesize() / memory._MIB > 5


@linux
def test_meter_sees_only_what_came_after_the_reset() -> None:
    touch(300)
    meter = memory.MemoryMeter(CPU)
    meter.reset()
    before = meter.peak_mib()
    if not meter.since_reset:
        pytest.skip("/proc/self/clear_refs cannot be written here")
    touch(200)
    after = meter.peak_mib()
    assert 190 < after - before < 260


def test_without_proc_the_own_peak_comes_from_getrusage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    peak = memory.peak_rss_mib()
    assert 5 < peak < 1e6


def test_refused_reset_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    meter = memory.MemoryMeter(CPU)
    meter.reset()
    assert not meter.since_reset


@pytest.mark.parametrize("content", ["", "VmHWM:", "VmHWM:\tmuch kB", "VmRSS:\t5 kB"])
def test_strange_status_files_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text(content)
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    assert 5 < memory.peak_rss_mib() < 1e6


def test_status_is_read_in_mebibytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text("Name:\tpython\nVmHWM:\t   10240 kB\nVmRSS:\t5120 kB\n")
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    assert memory.peak_rss_mib() == 10.0


@pytest.mark.gpu
def test_cuda_peak_counts_tensors_after_the_reset() -> None:
    torch = pytest.importorskip("torch")
    device = torch.device("cuda:0")
    torch.empty(64 << 20, dtype=torch.uint8, device=device)
    meter = memory.MemoryMeter(device)
    meter.reset()
    base = torch.cuda.memory_allocated(device) / memory._MIB
    torch.empty(32 << 20, dtype=torch.uint8, device=device)
    assert meter.since_reset
    assert meter.peak_mib() == pytest.approx(base + 32)
