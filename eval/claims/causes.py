"""Known causes of a number that differs from a measurement: input size, counter, unit, dead weight, cold start, split.

A cause is a way to get another figure from the same measurement. It is named if that figure is the claim, and if the
claim is much nearer to it than to the measurement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from data.text import largest_counts
from eval.metrics.registry import METRICS
from eval.records.schema import ModeResult, Record, RuntimeSummary

NEAR = 0.005  # relative: figures are printed with three or four digits
NEAR_QUALITY = {"psnr": 0.005, "ssim": 0.0005}  # absolute: PSNR is printed with two digits or more
_HD_PIXELS = 1280 * 720
_COUNTED_PIXELS = 256 * 256
# Input sizes and their pixels, as multiples of the counted ones. Scale 4, as in every challenge that counts FLOPs.
_SIZES = (
    ("", 1.0),
    ("for an output of 1280x720, an input of 320x180", _HD_PIXELS / _COUNTED_PIXELS / 16),
    ("for an input of 1280x720: the size was not divided by the scale", _HD_PIXELS / _COUNTED_PIXELS),
    ("for an output of 256x256, an input of 64x64", 1 / 16),
    ("for an input of 1024x1024: the size of the output was taken", 16.0),
    ("for an input of 128x128", 1 / 4),
    ("for an input of 512x512", 4.0),
)
_TWICE = "with a multiplication and an addition counted as two"
_COUNTERS = (("thop", "thop"), ("torch", "torch's counter"), ("fvcore", "fvcore alone"))

Tried = Iterator[tuple[str, float]]  # causes, and the figure that each would give


def known_causes(claim: str, claimed: float, measured: float, record: Record) -> str:
    """The known causes that turn the measured figure into the claimed one, joined; empty if none fits."""
    if not claimed or not measured:
        return ""
    kind = claim.split("_")[0]
    for source in _SOURCES[kind]:
        found = [
            cause
            for cause, figure in source(claim, measured, record)
            if _near(kind, claimed, figure) and abs(claimed - figure) < abs(claimed - measured) / 4
        ]
        if found:
            return "; or ".join(dict.fromkeys(found))
    return _runtime_hint(claimed, measured, record) if kind == "runtime" else ""


def _near(kind: str, claimed: float, figure: float) -> bool:
    return abs(claimed - figure) <= NEAR_QUALITY.get(kind, NEAR * abs(figure)) + 1e-12


def _quality(claim: str, _measured: float, record: Record) -> Tried:
    """The means of other splits and of other colour spaces that the record has."""
    kind, split, *_ = claim.split("_")
    for other, result in record.modes.items():
        for name in _metrics(result):
            mean = result.mean(name)
            if name in METRICS and METRICS[name].kind == kind and mean is not None and math.isfinite(mean):
                images = "" if other == split else f" on the {other} images"
                yield f"the claim is {METRICS[name].title}{images}", mean


def _metrics(result: ModeResult) -> list[str]:
    return list(result.images[0].metrics if result.images else result.means)


def _flops(_claim: str, measured: float, record: Record) -> Tried:
    """One thing other than the challenge's."""
    for size, pixels in _SIZES[1:]:
        yield f"the claim is {size}", measured * pixels
    for counter, figure in _other_counters(measured, record):
        yield f"the claim is {counter}", figure
    yield f"the claim is {_TWICE}", 2 * measured
    yield "the claim halves the multiply-adds", measured / 2
    yield "the claim is in millions", measured * 1e3
    yield "the claim is in units of 10^12", measured / 1e3


def _flops_of_two_causes(_claim: str, measured: float, record: Record) -> Tried:
    """Two things other than the challenge's."""
    counters = _other_counters(measured, record)
    for size, pixels in _SIZES[1:]:
        yield f"the claim is {size}, {_TWICE}", 2 * measured * pixels
        for counter, figure in counters:
            yield f"the claim is {counter}, {size}", figure * pixels
    for counter, figure in counters:
        yield f"the claim is {counter}, {_TWICE}", 2 * figure


def _other_counters(measured: float, record: Record) -> list[tuple[str, float]]:
    counters = record.complexity.counters if record.complexity else {}
    figures = [(title, (counters.get(name) or {}).get("macs")) for name, title in _COUNTERS]
    return [
        (f"the figure of {title}", macs / 1e9)
        for title, macs in figures
        if macs and abs(macs / 1e9 - measured) > NEAR * measured
    ]


def _params(_claim: str, measured: float, record: Record) -> Tried:
    counters = record.complexity.counters if record.complexity else {}
    unread, buffers = counters.get("unread_parameters") or 0, counters.get("buffers") or 0
    if unread:
        names = largest_counts(counters.get("unread") or {}) or "such as branches that only training uses"
        cause = (
            f"{unread} parameters are never read in a forward pass, and the claim leaves them out ({names})"
        )
        yield cause, measured - unread / 1e6
    if buffers:
        yield "the claim counts buffers too", measured + buffers / 1e6
    if held := counters.get("checkpoint_elements"):
        yield "the claim counts every number in the checkpoint, such as branches for training", held / 1e6
    yield "the claim is in thousands", measured * 1e3
    yield "the claim is in bytes of 32-bit weights, by the million", measured * 4


def _activations(_claim: str, measured: float, record: Record) -> Tried:
    if elements := _on_noise(record).get("conv_elements"):
        yield "the claim counts convolutions that do not run as called modules too", elements / 1e6
    for size, pixels in _SIZES[1:]:
        yield f"the claim is {size}", measured * pixels
    yield "the claim is in thousands", measured * 1e3


def _convolutions(_claim: str, _measured: float, record: Record) -> Tried:
    if calls := _on_noise(record).get("conv_calls"):
        yield "the claim counts convolutions that do not run as called modules too", calls


def _on_noise(record: Record) -> dict[str, Any]:
    """What the pass at the official size did."""
    counters = record.complexity.counters if record.complexity else {}
    return counters.get("noise") or {}


def _runtime(_claim: str, _measured: float, record: Record) -> Tried:
    for split, result in record.modes.items():
        if result.runtime is None:
            continue
        yield (
            f"the claim is the mean over the {split} images, the cold start included",
            _with_cold(result.runtime),
        )
        yield f"the claim is the plain mean over the {split} images", result.runtime.mean
        yield f"the claim is the median over the {split} images", result.runtime.median
        if result.runtime.cold is not None:
            yield "the claim is the time of the first image, a cold start", result.runtime.cold
        yield "the claim is in seconds", result.runtime.headline_ms / 1e3


def _runtime_hint(claimed: float, measured: float, record: Record) -> str:
    """What may have made a time much shorter than every measured one; a hint, since nothing proves it."""
    times = [image.runtime_ms for result in record.modes.values() for image in result.images]
    least = min((time for time in times if time is not None), default=measured)
    if 1.6 <= measured / claimed <= 2.4:
        return "perhaps at half precision, which takes about half the time"
    if claimed < least / 2 and record.machine.get("gpu"):
        return (
            f"below half of the fastest image's {least:.4g} ms: perhaps timed without synchronisation of the GPU, "
            "or on smaller images"
        )
    return ""


def _with_cold(runtime: RuntimeSummary) -> float:
    """The plain mean over a pass whose first image took the cold start's time."""
    images = len(runtime.samples_ms)
    if runtime.cold is None or runtime.protocol == "ntire" or not images:
        return runtime.mean
    return (runtime.mean * (images - 1) + runtime.cold) / images


def _memory(_claim: str, measured: float, record: Record) -> Tried:
    yield "the claim is in megabytes of a million bytes", measured * 2**20 / 1e6
    yield "the claim is in bytes", measured * 2**20
    yield "the claim is in gigabytes", measured / 1024
    if record.complexity and record.complexity.params_m:
        weights = record.complexity.params_m * 4e6 / 2**20
        yield "the claim is the size of the weights alone, as 32-bit numbers", weights


# For each kind of claim; a later source is asked only if no earlier one has the claimed figure.
_SOURCES: dict[str, tuple[Callable[[str, float, Record], Tried], ...]] = {
    "psnr": (_quality,),
    "ssim": (_quality,),
    "flops": (_flops, _flops_of_two_causes),
    "params": (_params,),
    "activations": (_activations,),
    "convs": (_convolutions,),
    "runtime": (_runtime,),
    "memory": (_memory,),
}
