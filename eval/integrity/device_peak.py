"""Whether a count and a runtime together imply more than the device can do (roofline)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from eval.protocol.complexity_report import SIZE
from eval.records.flags import FlagName
from eval.records.schema import Flag


@dataclass(frozen=True)
class Peak:
    """Speed that a device cannot exceed.

    flops_per_s: floating-point operations per second, a multiplication and an addition counting two.
    source:      where the figure comes from, for the reason of a doubt.
    """

    flops_per_s: float
    source: str


# Dense 16-bit tensor-core peaks with 16-bit accumulation where that is faster, without sparsity, from
# NVIDIA's data sheets and architecture white papers; 8-bit networks may reach twice that (`INT8_FACTOR`). A
# ceiling, not an expectation: good convolutions reach a third. First match wins, so longer names stand
# before shorter ones.
GPU_PEAK_TFLOPS: Mapping[str, float] = {
    "B200": 2250.0,
    "H200": 989.5,
    "H100 PCIe": 756.0,
    "H100": 989.5,
    "A100": 312.0,
    "V100": 125.0,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
    "A40": 149.7,
    "A10": 125.0,
    "T4": 65.0,
    "RTX 6000 Ada": 364.2,
    "RTX A6000": 154.8,
    "RTX 5090": 419.0,
    "RTX 4090": 330.3,
    "RTX 4080": 194.9,
    "RTX 3090 Ti": 160.0,
    "RTX 3090": 142.3,
    "RTX 3080": 119.1,
    "RTX 2080 Ti": 113.8,
}
INT8_FACTOR = 2.0


def gpu_peak(name: str) -> Peak | None:
    """Ceiling for a GPU by the name that NVML gives it; None for one that the table does not know."""
    for key, tflops in GPU_PEAK_TFLOPS.items():
        if re.search(rf"\b{re.escape(key)}\b", name, re.IGNORECASE):
            return Peak(tflops * 1e12 * INT8_FACTOR, f"data sheet of {key}, 8-bit arithmetic")
    return None


def judge_speed(macs: int | None, runtime_ms: float, pixels: int, peak: Peak | None) -> list[Flag]:
    """Flag a count and a runtime that together imply a speed above the device's peak (roofline).

    macs:       count for 256x256 input pixels; scaled by area to `pixels`, the input pixels of one image
                (or their mean), which suits convolutional and windowed networks and underestimates others.
    runtime_ms: per image. peak: None if the device's is not known; then nothing is said.
    """
    if macs is None or peak is None or pixels <= 0:
        return []
    flop = 2.0 * macs * pixels / SIZE**2
    if runtime_ms > 0 and flop / (runtime_ms / 1e3) <= peak.flops_per_s:
        return []
    implied = f"{flop / runtime_ms / 1e9:.4g} TFLOP/s" if runtime_ms > 0 else "no time at all"
    return [
        FlagName.COMPLEXITY_NOT_ESTABLISHED.because(
            f"{macs / 1e9:.4g} G and {runtime_ms:.4g} ms for {pixels} pixels imply {implied}, above "
            f"{peak.flops_per_s / 1e12:.4g} TFLOP/s ({peak.source})",
        )
    ]
