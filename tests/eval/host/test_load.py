"""What other programs use of the machine, on copies of /proc/stat."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eval.host import load
from eval.host.load import LoadWatch, OtherLoad
from eval.host.procfs import TICKS_PER_S


def stat(root: Path, busy_s: float, idle_s: float) -> None:
    (root / "proc").mkdir(exist_ok=True)
    ticks = (int(busy_s * TICKS_PER_S), int(idle_s * TICKS_PER_S))
    (root / "proc" / "stat").write_text(f"cpu  {ticks[0]} 0 0 {ticks[1]} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Time, and the processor time of this process, both set by the test."""
    now = {"s": 100.0, "own_s": 5.0}
    monkeypatch.setattr(load.time, "monotonic", lambda: now["s"])
    monkeypatch.setattr(load, "cpu_seconds", lambda _pid: now["own_s"])
    return now


def test_the_processes_of_the_harness_do_not_count(tmp_path: Path, clock: dict[str, float]) -> None:
    stat(tmp_path, 1000, 1000)
    watch = LoadWatch(tmp_path)
    stat(tmp_path, 1030, 1010)
    clock.update(s=120.0, own_s=15.0)
    others = watch.others()
    assert others == OtherLoad(pytest.approx(1.0), os.cpu_count() or 1)  # type: ignore[arg-type]
    assert others is not None and others.describe().startswith("other programs used 1.0 of ")


def test_less_than_nothing_is_nothing(tmp_path: Path, clock: dict[str, float]) -> None:
    stat(tmp_path, 1000, 1000)
    watch = LoadWatch(tmp_path)
    stat(tmp_path, 1001, 1010)
    clock.update(s=110.0, own_s=9.0)
    others = watch.others()
    assert others is not None and others.cores == 0 and others.share == 0


@pytest.mark.parametrize("text", [None, "", "cpu\n", "cpu x y\n", "cpu 1 2\n"])
def test_a_system_that_does_not_tell(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "proc").mkdir()
    if text is not None:
        (tmp_path / "proc" / "stat").write_text(text)
    assert LoadWatch(tmp_path).others() is None


def test_this_machine_tells() -> None:
    watch = LoadWatch()
    sum(range(2_000_000))
    others = watch.others()
    assert others is None or 0 <= others.share <= 1
