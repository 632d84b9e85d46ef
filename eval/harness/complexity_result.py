"""Counted work and parameters as a record states them, with the flags that they raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.images import image_size
from data.pairs import ImagePair
from data.types import Split
from eval.host.gpu_state import GpuState
from eval.integrity import complexity, device_peak
from eval.protocol.complexity_report import CountedComplexity as Counted
from eval.protocol.complexity_report import as_record
from eval.protocol.replies import Inspected
from eval.records.flags import FlagName, complexity_in_doubt, joined
from eval.records.schema import Complexity, Flag, ModeResult


def complexity_result(
    counted: Counted, contradicted: list[Flag], inspection: Inspected | None = None
) -> tuple[Complexity, list[Flag]]:
    """The figures that score with every counter beside them, and the flags: never a silent zero."""
    deployed = max(0, counted.parameters - counted.unread_parameters)
    held = {"checkpoint_elements": inspection.elements} if inspection and inspection.elements else {}
    found = joined([*complexity.doubts(counted), *contradicted])
    figure = complexity.scored_figure(counted)
    giga = None if figure.macs is None else figure.macs / 1e9
    result = Complexity(
        params_m=counted.parameters / 1e6,
        deployed_params_m=None if counted.noise is None else deployed / 1e6,
        flops_g=giga,
        macs_g=giga,
        flops_counter=f"{figure.counter} and formulas" if figure.added else figure.counter,
        flops_fvcore_g=None if counted.fvcore.macs is None else counted.fvcore.macs / 1e9,
        activations_m=None if counted.activations is None else counted.activations / 1e6,
        num_conv=counted.num_conv,
        established=not complexity_in_doubt(found),
        counters=as_record(counted) | held,
    )
    return result, found


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
        return [FlagName.PARAMETERS_ELSEWHERE.because(reason)]
    return []


def speed_flags(
    counted: Counted,
    results: Mapping[str, ModeResult],
    pairs: Mapping[Split, Sequence[ImagePair]],
    gpu: GpuState | None,
) -> list[Flag]:
    """Flags if count and runtime together imply more than the GPU can do, for GPUs of known peak."""
    peak = device_peak.gpu_peak(gpu.name) if gpu else None
    if peak is None:
        return []
    macs = complexity.scored_figure(counted).macs
    found: list[Flag] = []
    for split, some in pairs.items():
        runtime_ms = results[split].mean_runtime_ms()
        if runtime_ms is not None:
            pixels = [height * width for height, width in (image_size(pair.lr) for pair in some)]
            mean_pixels = sum(pixels) // len(pixels)
            found += device_peak.judge_speed(macs, runtime_ms, mean_pixels, peak)
    return found
