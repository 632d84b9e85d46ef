"""The challenge's own output formats, derived from records: `results.json` and `results.txt`.

Every official key keeps its name, unit and place; new keys stand beside them (`status`, `error`, `flags`,
`runtime_ms`, ...). Names of models are verbatim, as the official code writes them. Both files can be rebuilt from the
records at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.types import SPLITS, Split
from eval.metrics.metric import Metric
from eval.metrics.registry import METRICS
from eval.records import schema, store
from eval.records.schema import Complexity, ModeResult, Record, json_number

_PREFIXES: dict[Split, str] = {"valid": "Val", "test": "Test"}
# Titles of results.txt after the metrics' own, with their widths, and those that only a test set fills
_COSTS = {
    "Val Time [ms]": 14, "Test Time [ms]": 14, "Ave Time [ms]": 14, "Params [M]": 10, "FLOPs [G]": 10, "Acts [M]": 8,
    "Mem [M]": 8, "Conv": 8,
}  # fmt: skip
_ONLY_WITH_TEST = ("Test Time [ms]", "Ave Time [ms]")
_MODEL_WIDTH, _METRIC_WIDTH = 20, 10
OFFICIAL = (METRICS["psnr"],)  # what results.txt of an Efficient SR challenge lists


def write(save_dir: Path, records: list[Record], metrics: Sequence[Metric] = OFFICIAL) -> None:
    """Write `results.json` and `results.txt` from the newest record of each model, each whole or not at all.

    metrics: those that results.txt lists, first of all those that the challenge ranks by.
    """
    newest = store.latest(records)
    try:
        store.write_atomic(save_dir / "results.json", schema.dump_json(results_json(newest)))
        store.write_atomic(save_dir / "results.txt", results_text(newest, metrics))
    except OSError as error:
        raise InputError(f"{save_dir}: results cannot be written ({error.strerror or error})") from None


def results_json(records: dict[str, Record]) -> dict[str, Any]:
    """The content of `results.json`: official keys per model, then this harness's own."""
    return {model: _entry(record) for model, record in records.items()}


def results_text(records: dict[str, Record], metrics: Sequence[Metric] = OFFICIAL) -> str:
    """`results.txt` in the official columns and rounding; failed models stand below with their reason."""
    with_test = any("test" in record.modes for record in records.values())
    splits = SPLITS if with_test else SPLITS[:1]
    titles = {f"{_PREFIXES[split]} {metric.title}": _METRIC_WIDTH for metric in metrics for split in splits}
    titles |= {title: width for title, width in _COSTS.items() if with_test or title not in _ONLY_WITH_TEST}
    widths = [_MODEL_WIDTH, *titles.values()]
    lines = [_line(["Model", *titles], widths)]
    for model, record in records.items():
        if record.status == "ok":
            cells = _quality_cells(record, metrics) | _cost_cells(record)
            lines.append(_line([model, *(cells[title] for title in titles)], widths))
    for model, record in records.items():
        if record.status == "failed":
            lines.append(f"# {model}: failed: {record.error}\n")
    return "".join(lines)


def _entry(record: Record) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for split, result in record.modes.items():
        entry.update(_split_entry(split, result))
    if record.complexity:
        complexity = record.complexity
        entry["activations"] = complexity.activations_m
        entry["num_conv"] = complexity.num_conv
        entry["flops"] = complexity.flops_g
        entry["macs_g"] = complexity.macs_g
        entry["num_parameters"] = complexity.params_m
    entry["status"] = record.status
    entry["error"] = record.error
    entry["flags"] = [flag.model_dump() for flag in record.flags]
    entry["runtime_ms"] = _runtime(record)
    checkpoint = record.submission.checkpoint
    entry["checkpoint"] = checkpoint.model_dump() if checkpoint else None
    entry["sandbox"] = record.sandbox
    entry["device"] = record.device
    entry["dataset"] = record.dataset
    entry["record"] = record.sequence
    return entry


def _split_entry(split: str, result: ModeResult) -> dict[str, Any]:
    entry: dict[str, Any] = {f"{split}_runtime": [image.runtime_ms for image in result.images]}
    measured = dict.fromkeys(metric for image in result.images for metric in image.metrics)
    for metric in measured:
        entry[f"{split}_{metric}"] = [json_number(image.metrics.get(metric)) for image in result.images]
    entry[f"{split}_images"] = [image.name for image in result.images]
    entry[f"{split}_memory"] = result.memory_mib
    entry[f"{split}_ave_runtime"] = result.mean_runtime_ms()
    for metric in measured or result.means:  # published tables hold means only
        entry[f"{split}_ave_{metric}"] = json_number(result.mean(metric))
    return entry


def _runtime(record: Record) -> dict[str, Any] | None:
    """Averages over both splits, as the challenge averages them; the cold start is that of the first split."""
    summaries = [result.runtime for result in record.modes.values() if result.runtime]
    if not summaries:
        return None

    def average(values: list[float]) -> float:
        return sum(values) / len(values)

    intervals = [summary.ci95 for summary in summaries if summary.ci95]
    return {
        "protocol": record.protocol,
        "mean": average([summary.mean for summary in summaries]),
        "median": average([summary.median for summary in summaries]),
        "ci95": [average([interval[i] for interval in intervals]) for i in (0, 1)]
        if len(intervals) == len(summaries) else None,
        "cold": summaries[0].cold,
    }  # fmt: skip


def _quality_cells(record: Record, metrics: Sequence[Metric]) -> dict[str, str]:
    return {
        f"{_PREFIXES[split]} {metric.title}": _number(_of(record, split).mean(metric.name), metric.decimals)
        for metric in metrics
        for split in SPLITS
    }


def _cost_cells(record: Record) -> dict[str, str]:
    valid, test = (_of(record, split) for split in SPLITS)
    complexity = record.complexity or Complexity()
    cells = (
        _number(valid.mean_runtime_ms(), 2),
        _number(test.mean_runtime_ms(), 2),
        _number(record.mean_runtime_ms(), 2),
        _number(complexity.params_m, 3),
        _number(complexity.flops_g, 2),
        _number(complexity.activations_m, 2),
        _number(valid.memory_mib, 2),
        "-" if complexity.num_conv is None else f"{complexity.num_conv:4d}",
    )
    return dict(zip(_COSTS, cells, strict=True))


def _of(record: Record, split: Split) -> ModeResult:
    return record.modes.get(split) or ModeResult(images=[])


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _line(cells: list[str], widths: list[int]) -> str:
    return "\t".join(f"{cell:{width}s}" for cell, width in zip(cells, widths, strict=True)) + "\n"
