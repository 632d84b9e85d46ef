"""Counted work and parameters as a record states them, with the flags that they raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from data.images import image_size
from data.pairs import ImagePair
from data.types import Split
from eval.host.gpu_state import GpuState
from eval.integrity import complexity, recount
from eval.protocol.complexity_report import Complexity as Counted
from eval.protocol.replies import Inspected
from eval.records.schema import Complexity, Flag, ModeResult


def complexity_result(
    counted: Counted, contradicted: list[complexity.Doubt]
) -> tuple[Complexity, list[Flag]]:
    """The official figures with every counter beside them, and the flags: never a silent zero."""
    found = complexity.joined([*complexity.judge(counted), *contradicted])
    doubted = {complexity.NOT_ESTABLISHED, recount.NOT_CONFIRMED}
    result = Complexity(
        params_m=counted.parameters / 1e6,
        flops_g=None if counted.flops_fvcore is None else counted.flops_fvcore / 1e9,
        activations_m=None if counted.activations is None else counted.activations / 1e6,
        num_conv=counted.num_conv,
        established=not any(doubt.name in doubted for doubt in found),
        counters=asdict(counted),
    )
    return result, [Flag(name=doubt.name, reason=doubt.reason) for doubt in found]


def parameter_flags(counted: Counted, inspection: Inspected | None) -> list[Flag]:
    """A flag if the checkpoint holds far more or less than the model's parameters and buffers."""
    if inspection is None or not inspection.elements:
        return []
    held = counted.parameters + counted.buffers
    if held < 0.5 * inspection.elements or counted.parameters > 1.05 * inspection.elements:
        reason = (
            f"parameters() counts {counted.parameters} elements and buffers {counted.buffers}, "
            f"the checkpoint holds {inspection.elements}"
        )
        return [Flag(name="parameters elsewhere", reason=reason)]
    return []


def speed_flags(
    counted: Counted,
    results: Mapping[str, ModeResult],
    pairs: Mapping[Split, Sequence[ImagePair]],
    gpu: GpuState | None,
) -> list[Flag]:
    """Flags if count and runtime together imply more than the GPU can do, for GPUs of known peak."""
    peak = complexity.gpu_peak(gpu.name) if gpu else None
    if peak is None:
        return []
    found = []
    for split, some in pairs.items():
        runtime_ms = results[split].mean_runtime_ms()
        if runtime_ms is not None:
            pixels = [height * width for height, width in (image_size(pair.lr) for pair in some)]
            mean_pixels = sum(pixels) // len(pixels)
            found += complexity.judge_speed(counted.flops_fvcore, runtime_ms, mean_pixels, peak)
    return [Flag(name=doubt.name, reason=doubt.reason) for doubt in found]
