"""Known causes of a number that differs from a measurement: input size, counter, unit, dead weights, cold start."""

from __future__ import annotations

from collections.abc import Iterator

from eval.records.schema import Record, RuntimeSummary

NEAR = 0.005  # relative: figures are printed with three or four digits
HD_PIXELS = 1280 * 720
COUNTED_PIXELS = 256 * 256


def known_causes(claim: str, claimed: float, measured: float, record: Record) -> str:
    """The known causes that turn the measured figure into the claimed one, joined; empty if none fits."""
    if not claimed or not measured:
        return ""
    sources = {"flops_g": _flops, "params_m": _params, "runtime_ms": _runtime, "memory_mib": _memory}
    if claim not in sources:
        return ""
    found = [cause for cause, figure in sources[claim](measured, record) if _near(claimed, figure)]
    return "; or ".join(found)


def _near(claimed: float, figure: float) -> bool:
    return abs(claimed - figure) <= NEAR * abs(figure)


def _flops(measured: float, record: Record) -> Iterator[tuple[str, float]]:
    """Causes and the GFLOPs that each would give. Scale 4, as in every challenge whose factsheets ask for FLOPs."""
    yield "the claim counts a multiplication and an addition as two", 2 * measured
    yield "the claim halves the multiply-adds", measured / 2
    hd = measured * HD_PIXELS / COUNTED_PIXELS
    yield "the claim is for an output of 1280x720, an input of 320x180", hd / 16
    yield "the claim is for an input of 1280x720: the size was not divided by the scale", hd
    yield "the claim is for an output of 1280x720, both operations counted", hd / 8
    yield "the claim is for an output of 256x256, an input of 64x64", measured / 16
    yield "the claim is for an input of 1024x1024", measured * 16
    counters = record.complexity.counters if record.complexity else {}
    for name, title in (("thop", "thop"), ("torch", "torch's counter"), ("fvcore", "fvcore alone")):
        macs = (counters.get(name) or {}).get("macs")
        if macs:
            yield f"the claim is the figure of {title}", macs / 1e9
            yield f"the claim is the figure of {title}, both operations counted", 2 * macs / 1e9


def _params(measured: float, record: Record) -> Iterator[tuple[str, float]]:
    counters = record.complexity.counters if record.complexity else {}
    unread, buffers = counters.get("unread_parameters") or 0, counters.get("buffers") or 0
    if unread:
        yield (
            f"{unread} parameters are never read in a forward pass, and the claim leaves them out (such as branches "
            "that only training uses)",
            measured - unread / 1e6,
        )
    if buffers:
        yield "the claim counts buffers too", measured + buffers / 1e6
    yield "the claim is in thousands", measured * 1e3
    yield "the claim is in bytes of 32-bit weights, by the million", measured * 4


def _runtime(_measured: float, record: Record) -> Iterator[tuple[str, float]]:
    for split, result in record.modes.items():
        if result.runtime is None:
            continue
        yield (
            f"the claim is the mean over the {split} images, the cold start included",
            _with_cold(result.runtime),
        )
        if result.runtime.cold is not None:
            yield "the claim is the time of the first image, a cold start", result.runtime.cold
        yield "the claim is in seconds", result.runtime.headline_ms / 1e3


def _with_cold(runtime: RuntimeSummary) -> float:
    """The plain mean over a pass whose first image took the cold start's time."""
    images = len(runtime.samples_ms)
    if runtime.cold is None or runtime.protocol == "ntire" or not images:
        return runtime.mean
    return (runtime.mean * (images - 1) + runtime.cold) / images


def _memory(measured: float, _record: Record) -> Iterator[tuple[str, float]]:
    yield "the claim is in megabytes of a million bytes", measured * 2**20 / 1e6
    yield "the claim is in bytes", measured * 2**20
    yield "the claim is in gigabytes", measured / 1024
