"""Doubts about what a worker counted: things that do not fail a submission but are shown with its numbers.

Pure functions on counts, without torch; the parent decides, the worker only reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from eval.protocol.complexity_report import (
    CROP_HEIGHT,
    CROP_WIDTH,
    SIZE,
    Complexity,
    Counter,
    PassCounts,
)
from eval.protocol.operators import heavy_operators

NOT_ESTABLISHED = "complexity not established"
PARAMETERS_ELSEWHERE = "parameters elsewhere"
UNCOUNTED_OPERATORS = "operators uncounted"
UNCOUNTED_CONVS = "convolutions uncounted"
UNUSED_PARAMETERS = "parameters unused"

# fvcore and torch differ by what they give interpolation and normalisation: under 1% for the 2024 systems
# whose convolutions fvcore all knows (RLFN, SlimRLFN, EERN). 10% leaves room and still shows MSN's 12%,
# which is real: fvcore counts its convolutions with padding="same" as zero.
COUNTER_FACTOR = 1.1
# A share of weights below this is taken for normalisation statistics, fixed filters and the like.
WEIGHT_SHARE = 0.05
# Work per pixel may differ this much between 256x256 and 64x320: borders, pooled branches, one global layer.
SIZE_FACTOR = 1.25


@dataclass(frozen=True)
class Doubt:
    """One flag of a record: its name (from the constants above) and the reason, one sentence."""

    name: str
    reason: str


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


def judge(complexity: Complexity) -> list[Doubt]:
    """All doubts that the counts alone raise, one per name: several reasons are joined."""
    reasons: dict[str, list[str]] = {
        NOT_ESTABLISHED: [*_counter_reasons(complexity), *_input_reasons(complexity)],
        UNCOUNTED_OPERATORS: _minor_reasons(complexity),
        UNCOUNTED_CONVS: _conv_reasons(complexity.noise),
        PARAMETERS_ELSEWHERE: _elsewhere_reasons(complexity),
        UNUSED_PARAMETERS: _unused_reasons(complexity),
    }
    return [Doubt(name, "; ".join(found)) for name, found in reasons.items() if found]


def joined(found: Iterable[Doubt]) -> list[Doubt]:
    """One doubt per name, in the order of first appearance; the reasons of those with the same name joined."""
    reasons: dict[str, list[str]] = {}
    for doubt in found:
        reasons.setdefault(doubt.name, []).append(doubt.reason)
    return [Doubt(name, "; ".join(parts)) for name, parts in reasons.items()]


def _counter_reasons(complexity: Complexity) -> list[str]:
    if complexity.failure:
        return [f"the network failed on noise of 3x256x256: {complexity.failure}"]
    reasons = []
    for name, counter in (("fvcore", complexity.fvcore), ("torch's counter", complexity.torch)):
        if counter.macs is None:
            reasons.append(f"{name} failed: {counter.reason}")
        elif counter.macs == 0:
            reasons.append(f"{name} saw no operation that it counts")
        if heavy_operators(counter.unknown) and not (name == "fvcore" and _agree(complexity)):
            reasons.append(f"{name} counts as zero: {_listed(counter)}")
    first, second = complexity.fvcore.macs, complexity.torch.macs
    if first and second and not _agree(complexity):
        reasons.append(f"fvcore counts {_giga(first)}, torch's counter {_giga(second)}")
    return reasons


def _agree(complexity: Complexity) -> bool:
    """Whether fvcore and torch's counter, which sees inside what is opaque to fvcore, give about the same."""
    first, second = complexity.fvcore.macs, complexity.torch.macs
    return bool(first and second and max(first, second) <= COUNTER_FACTOR * min(first, second))


def _listed(counter: Counter) -> str:
    heavy = sorted(heavy_operators(counter.unknown).items())
    more = f" and {len(heavy) - 5} more" if len(heavy) > 5 else ""
    return ", ".join(f"{operator} ({times})" for operator, times in heavy[:5]) + more


def _minor_reasons(complexity: Complexity) -> list[str]:
    """Operators that fvcore leaves out, where torch's counter shows that little is missing."""
    first, second = complexity.fvcore.macs, complexity.torch.macs
    if not (first and second and _agree(complexity) and heavy_operators(complexity.fvcore.unknown)):
        return []
    return [
        f"fvcore counts as zero: {_listed(complexity.fvcore)}; "
        f"with them torch's counter has {_giga(second)}, "
        f"fvcore {_giga(first)}"
    ]


def _giga(macs: int) -> str:
    return f"{macs / 1e9:.4g} G"


def _input_reasons(complexity: Complexity) -> list[str]:
    if complexity.crop_failure:
        return [f"the network failed on a crop of a real image: {complexity.crop_failure}"]
    reasons = []
    noise, crop, like_crop = complexity.noise, complexity.crop, complexity.crop_noise
    if crop is not None and crop != like_crop:
        reasons.append(
            f"the work depends on the input: {_work(like_crop)} on noise, {_work(crop)} on a real crop"
        )
    if noise is not None and crop is not None:
        there, here = noise.macs / SIZE**2, crop.macs / (CROP_HEIGHT * CROP_WIDTH)
        if max(there, here) > SIZE_FACTOR * min(there, here):
            reasons.append(
                f"the work depends on the size: {there / 1e3:.4g} k per pixel at {SIZE}x{SIZE}, "
                f"{here / 1e3:.4g} k at {CROP_HEIGHT}x{CROP_WIDTH}"
            )
    return reasons


def _work(counts: PassCounts | None) -> str:
    if counts is None:
        return "a failure"
    return f"{_giga(counts.macs)} in {counts.conv_calls} convolutions"


def _conv_reasons(noise: PassCounts | None) -> list[str]:
    if noise is None or noise.conv_calls <= noise.num_conv:
        return []
    missed = (noise.conv_elements - noise.activations) / 1e6
    return [
        f"{noise.conv_calls - noise.num_conv} of {noise.conv_calls} convolutions do not run as called "
        f"modules, so the official activations leave out {missed:.4g} M elements"
    ]


def _elsewhere_reasons(complexity: Complexity) -> list[str]:
    elsewhere = complexity.weights_elsewhere
    if elsewhere <= WEIGHT_SHARE * complexity.parameters:
        return []
    return [f"{elsewhere} weights are used that are not in parameters(), which has {complexity.parameters}"]


def _unused_reasons(complexity: Complexity) -> list[str]:
    unread = complexity.unread_parameters
    if complexity.noise is None or unread <= WEIGHT_SHARE * complexity.parameters:
        return []
    return [f"{unread} of {complexity.parameters} parameters are never read in a forward pass"]


def judge_speed(macs: int | None, runtime_ms: float, pixels: int, peak: Peak | None) -> list[Doubt]:
    """Doubt a count and a runtime that together imply a speed above the device's peak (roofline).

    macs:       count for 256x256 input pixels; scaled by area to `pixels`, the input pixels of one image
                (or their mean), which suits convolutional and windowed networks and underestimates others.
    runtime_ms: per image. peak: None where the device's is not known: then nothing is said.
    """
    if macs is None or peak is None or pixels <= 0:
        return []
    flop = 2.0 * macs * pixels / SIZE**2
    if runtime_ms > 0 and flop / (runtime_ms / 1e3) <= peak.flops_per_s:
        return []
    implied = f"{flop / runtime_ms / 1e9:.4g} TFLOP/s" if runtime_ms > 0 else "no time at all"
    return [
        Doubt(
            NOT_ESTABLISHED,
            f"{_giga(macs)} and {runtime_ms:.4g} ms for {pixels} pixels imply {implied}, above "
            f"{peak.flops_per_s / 1e12:.4g} TFLOP/s ({peak.source})",
        )
    ]
