"""The challenge's own output formats, derived from records: `results.json` and `results.txt`.

Every official key keeps its name, unit and place; what is new stands beside them (`status`, `error`, `flags`,
`runtime_ms`, ...). Both files can be rebuilt from the records at any time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.errors import InputError
from eval.records import schema, store
from eval.records.schema import (
    Complexity,
    ModeResult,
    Record,
    json_number,
)

MODES = ("valid", "test")
_WIDTHS = (20, 10, 10, 14, 14, 14, 10, 10, 8, 8, 8)
_COLUMNS = (
    "Model", "Val PSNR", "Test PSNR", "Val Time [ms]", "Test Time [ms]", "Ave Time [ms]", "Params [M]",
    "FLOPs [G]", "Acts [M]", "Mem [M]", "Conv",
)  # fmt: skip
_ONLY_WITH_TEST = ("Test PSNR", "Test Time [ms]", "Ave Time [ms]")


def write(save_dir: Path, records: list[Record]) -> None:
    """Write `results.json` and `results.txt` from the newest record of each model, each whole or not at all."""
    newest = store.latest(records)
    try:
        store.write_atomic(save_dir / "results.json", schema.dump_json(as_json(newest)))
        store.write_atomic(save_dir / "results.txt", as_text(newest))
    except OSError as error:
        raise InputError(f"{save_dir}: results cannot be written ({error.strerror or error})") from None


def as_json(records: dict[str, Record]) -> dict[str, Any]:
    """The content of `results.json`: official keys per model, then this harness's own."""
    return {model: _entry(record) for model, record in records.items()}


def as_text(records: dict[str, Record]) -> str:
    """`results.txt` in the official columns and rounding; failed models stand below with their reason."""
    with_test = any("test" in record.modes for record in records.values())
    shown = [i for i, column in enumerate(_COLUMNS) if with_test or column not in _ONLY_WITH_TEST]
    lines = [_line([_COLUMNS[i] for i in shown], shown)]
    for model, record in records.items():
        if record.status == "ok":
            cells = _cells(model, record)
            lines.append(_line([cells[i] for i in shown], shown))
    for model, record in records.items():
        if record.status == "failed":
            lines.append(f"# {model}: failed: {record.error}\n")
    return "".join(lines)


def _entry(record: Record) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for mode, result in record.modes.items():
        entry.update(_mode_entry(mode, result))
    if record.complexity:
        complexity = record.complexity
        entry["activations"] = complexity.activations_m
        entry["num_conv"] = complexity.num_conv
        entry["flops"] = complexity.flops_g
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


def _mode_entry(mode: str, result: ModeResult) -> dict[str, Any]:
    entry: dict[str, Any] = {f"{mode}_runtime": [image.runtime_ms for image in result.images]}
    measured = dict.fromkeys(metric for image in result.images for metric in image.metrics)
    for metric in measured:
        entry[f"{mode}_{metric}"] = [json_number(image.metrics.get(metric)) for image in result.images]
    entry[f"{mode}_images"] = [image.name for image in result.images]
    entry[f"{mode}_memory"] = result.memory_mib
    entry[f"{mode}_ave_runtime"] = result.mean_runtime_ms()
    for metric in measured or result.means:  # published tables hold means only
        entry[f"{mode}_ave_{metric}"] = json_number(result.mean(metric))
    return entry


def _runtime(record: Record) -> dict[str, Any] | None:
    """Summary over both modes: their averages, as the challenge averages them; the cold start is the first's."""
    summaries = [mode.runtime for mode in record.modes.values() if mode.runtime]
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


def _cells(model: str, record: Record) -> list[str]:
    valid, test = (record.modes.get(mode) or ModeResult(images=[]) for mode in MODES)
    complexity = record.complexity or Complexity()
    return [
        model,
        _number(valid.mean("psnr"), 2),
        _number(test.mean("psnr"), 2),
        _number(valid.mean_runtime_ms(), 2),
        _number(test.mean_runtime_ms(), 2),
        _number(record.mean_runtime_ms(), 2),
        _number(complexity.params_m, 3),
        _number(complexity.flops_g, 2),
        _number(complexity.activations_m, 2),
        _number(valid.memory_mib, 2),
        "-" if complexity.num_conv is None else f"{complexity.num_conv:4d}",
    ]


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _line(cells: list[str], columns: list[int]) -> str:
    return "\t".join(f"{cell:{_WIDTHS[i]}s}" for cell, i in zip(cells, columns, strict=True)) + "\n"
