"""The state of a GPU, read through a stand-in for NVML."""

from __future__ import annotations

import pytest

from eval.host.gpu import visible
from eval.host.gpu_state import read_gpu, throttle_names, timing_disturbances
from tests.eval.fake_nvml import NvmlError, install, without_gpu
from tests.eval.host.helpers import gpu_of


def test_gpu_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    gpu = read_gpu(gpu_of("cuda:1"))
    assert gpu is not None
    assert (gpu.index, gpu.name, gpu.driver) == (1, "NVIDIA H200", "570.1")
    assert (gpu.memory_total_mib, gpu.memory_used_mib) == (141 * 1024, 2048)
    assert (gpu.clock_sm_mhz, gpu.clock_sm_max_mhz, gpu.power_w, gpu.power_limit_w) == (
        1500,
        1980,
        120.5,
        700,
    )
    assert (gpu.throttle, gpu.process_ids, gpu.persistence) == (("gpu idle",), (11,), True)
    assert fake.opened == fake.shut_down > 0


def test_refused_figures_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("MemoryInfo", "CurrentClocksThrottleReasons", "ComputeRunningProcesses", "PersistenceMode")
    install(monkeypatch, **{f"nvmlDeviceGet{name}": NvmlError("not supported") for name in refused})
    gpu = read_gpu(gpu_of("cuda:0"))
    assert gpu is not None and gpu.name == "NVIDIA H200"
    assert (gpu.memory_used_mib, gpu.throttle, gpu.process_ids, gpu.persistence) == (None,) * 4


def test_no_driver_means_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    device = gpu_of("cuda:0")
    without_gpu(monkeypatch)
    assert visible() == []
    assert read_gpu(device) is None


def test_throttle_names() -> None:
    assert throttle_names(0) == ()
    assert throttle_names(0x44) == ("power cap", "hardware thermal slowdown")
    assert throttle_names(0x1001) == ("gpu idle", "0x1000")


def test_disturbances_of_a_timing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    before = read_gpu(gpu_of("cuda:0"))
    install(monkeypatch, nvmlDeviceGetCurrentClocksThrottleReasons=0x20)
    after = read_gpu(gpu_of("cuda:0"))
    assert timing_disturbances(before, before, frozenset({11})) == []
    assert timing_disturbances(None, None, frozenset()) == []
    assert timing_disturbances(before, after, frozenset()) == [
        "1 other process(es) on the GPU before the timing pass",
        "clocks lowered after the timing pass: software thermal slowdown",
        "1 other process(es) on the GPU after the timing pass",
    ]
