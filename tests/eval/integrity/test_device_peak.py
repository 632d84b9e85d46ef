"""Counts and runtimes that together imply more than a device can do."""

from __future__ import annotations

import pytest

from eval.integrity.device_peak import Peak, gpu_peak, judge_speed


def test_speed_above_the_peak_is_a_doubt() -> None:
    # 10 G MAC are 20 GFLOP at 256x256, 80 GFLOP at 512x512; in 1 ms that is 80 TFLOP/s.
    peak = Peak(50e12, "test")
    (doubt,) = judge_speed(10**10, 1.0, 512 * 512, peak)
    assert doubt.name == "complexity not established"
    assert doubt.reason == "10 G and 1 ms for 262144 pixels imply 80 TFLOP/s, above 50 TFLOP/s (test)"
    assert judge_speed(10**10, 2.0, 512 * 512, peak) == []


def test_speed_without_figures_says_nothing() -> None:
    assert judge_speed(None, 1.0, 100, Peak(1.0, "")) == []
    assert judge_speed(10**10, 1.0, 100, None) == []
    assert judge_speed(0, 1.0, 100, Peak(1.0, "")) == []


def test_no_time_at_all_is_a_doubt() -> None:
    assert "imply no time at all" in judge_speed(10**10, 0.0, 100, Peak(1e12, "test"))[0].reason


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("NVIDIA GeForce RTX 3090", 142.3),
        ("NVIDIA GeForce RTX 3090 Ti", 160.0),
        ("NVIDIA A100-SXM4-80GB", 312.0),
        ("NVIDIA L40S", 362.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H100 80GB HBM3", 989.5),
        ("Tesla T4", 65.0),
    ],
)
def test_gpu_peak(name: str, tflops: float) -> None:
    peak = gpu_peak(name)
    assert peak is not None
    assert peak.flops_per_s == 2 * tflops * 1e12


def test_unknown_gpu_has_no_peak() -> None:
    assert gpu_peak("NVIDIA GeForce GTX 970") is None
