"""Timers, the calibrated gap, and when a worker's own time is believed."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.integrity import clocks
from eval.worker import timers


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "done"


def test_cpu_timer_measures_the_call_and_returns_its_result() -> None:
    result, elapsed_ms = timers.CpuTimer()(lambda: sleep(0.03))
    assert result == "done"
    assert 30 <= elapsed_ms < 1000


def test_clock_is_saved_before_a_team_patches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter_ns", lambda: 0)
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    _, elapsed_ms = timers.CpuTimer()(lambda: sleep(0.02))
    assert elapsed_ms >= 20


def test_timer_for_a_device() -> None:
    device: Any = SimpleNamespace(type="cpu")
    assert isinstance(timers.make_timer(device), timers.CpuTimer)


def test_unknown_device_is_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="device meta: expected cpu or cuda"):
        timers.make_timer(torch.device("meta"))


def test_import_needs_no_torch() -> None:
    modules = (
        "worker.timers, eval.worker.memory, eval.runtime.statistics, eval.runtime.inputs, eval.host.machine"
    )
    code = f"import sys, eval.{modules}, eval.integrity.complexity; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.gpu
def test_cuda_timer_includes_work_on_the_device() -> None:
    torch = pytest.importorskip("torch")
    device = torch.device("cuda:0")
    left = torch.rand(4096, 4096, device=device)
    timer = timers.make_timer(device)
    timer(lambda: left @ left)
    _, one = timer(lambda: left @ left)
    _, eight = timer(lambda: [left @ left for _ in range(8)])
    assert eight > 4 * one > 0


def test_gap_is_the_smallest_difference() -> None:
    assert clocks.calibrate_gap([12.0, 11.5, 30.0], [10.0, 10.0, 10.0]) == 1.5
    assert clocks.calibrate_gap([10.0], [10.5]) == 0.0


@pytest.mark.parametrize(("wall", "own"), [([], []), ([1.0], [1.0, 2.0])])
def test_gap_needs_matching_lists(wall: list[float], own: list[float]) -> None:
    with pytest.raises(ValueError, match="expected as many, at least one"):
        clocks.calibrate_gap(wall, own)


@pytest.mark.parametrize(("gap_ms", "allowed_ms"), [(1.0, 2.0), (0.1, 1.1), (30.0, 60.0), (0.0, 1.0)])
def test_allowed_gap(gap_ms: float, allowed_ms: float) -> None:
    """Twice the calibrated gap, and a millisecond more at least."""
    assert clocks.allowed_gap(gap_ms) == pytest.approx(allowed_ms)


def test_honest_pass_is_believed() -> None:
    assert clocks.disbelieved([21.0] * 20, [20.0] * 20, [1.0] * 20) is None


def test_one_preempted_request_in_twenty_is_excused() -> None:
    assert clocks.disbelieved([21.0] * 19 + [30.0], [20.0] * 20, [1.0] * 20) is None


def test_small_excess_on_a_busy_machine_is_excused() -> None:
    assert clocks.disbelieved([540.0] * 20, [511.0] * 20, [5.5] * 20) is None


def test_many_late_requests_are_not_excused() -> None:
    reason = clocks.disbelieved([21.0] * 17 + [24.0] * 3, [20.0] * 20, [1.0] * 20)
    assert reason == (
        "3 of 20 requests: the parent's clock exceeds the worker's by more than the calibrated gap allows "
        "(worst: 24.000 ms against 20.000 ms, allowed difference 2.000 ms)"
    )


def test_a_little_hidden_in_every_request_is_not_excused() -> None:
    assert clocks.disbelieved([23.1] * 20, [20.0] * 20, [1.0] * 20) is not None


@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(0, 50), st.floats(0, 5)), min_size=1, max_size=30),
)
def test_hidden_work_beyond_a_twentieth_is_never_believed(requests: list[tuple[float, float, float]]) -> None:
    walls = [own + clocks.allowed_gap(gap) + hidden for own, hidden, gap in requests]
    owns, hidden, gaps = zip(*requests, strict=True)
    if clocks.disbelieved(walls, owns, gaps) is None:
        assert sum(hidden) <= 0.05 * sum(owns) + 1e-6


def test_one_request_that_hides_much_is_not_excused() -> None:
    assert clocks.disbelieved([21.0] * 19 + [90.0], [20.0] * 20, [1.0] * 20) is not None


def test_a_time_longer_than_the_wall_is_never_excused() -> None:
    reason = clocks.disbelieved([21.0] * 19 + [19.0], [20.0] * 20, [1.0] * 20)
    assert reason == "request 19: the worker states 20.000 ms where the parent measured 19.000 ms"


def test_an_empty_pass_is_not_believed() -> None:
    assert clocks.disbelieved([], [], []) == "no timed request was answered"


@pytest.mark.parametrize("stated", [0.0, 5e-324, 1e-12, 9e-4])
def test_no_network_takes_less_than_a_clock_tick(stated: float) -> None:
    reason = clocks.too_fast([8.0, stated], [0.0, 0.0])
    assert reason == f"request 1: the worker states {stated:.3g} ms, and no network takes less than 0.001 ms"


def test_no_network_is_twice_as_fast_as_the_control_model() -> None:
    assert clocks.too_fast([0.09], [0.2]) is not None
    assert clocks.too_fast([0.11, 0.3], [0.2, 0.2]) is None


def test_more_processor_time_than_the_threads_have_is_told() -> None:
    assert clocks.surplus_threads([1.0, 1.0, 0.0], 1.0, 2) is None
    assert clocks.surplus_threads([1.0, 0.15], 1.0, 1) is None, (
        "a fifth is what other threads of a worker take"
    )
    assert clocks.surplus_threads([0.09], 0.0, 1) is None, "some ticks of a kernel's count"
    assert clocks.surplus_threads([1.9], 1.0, 1) is not None, "the busiest worked between the requests too"
    reason = clocks.surplus_threads([0.5, 0.5], 1.0, 1)
    assert reason is not None and "others used 0.50 s" in reason, (
        "on a busy machine, two threads share a processor"
    )
