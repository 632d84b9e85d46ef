"""Turns official result files of any year into records, so that published and measured results share a table.

Two layouts are read: `results.json`, which maps a model to its lists and means by split, and `results.txt`, a table
with a header line. Published figures keep their meaning: only means and medians of complete lists are computed again.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.types import SPLITS
from eval.metrics.registry import METRICS
from eval.records.schema import (
    Complexity,
    ImageResult,
    ModeResult,
    Record,
    RuntimeSummary,
    SubmissionInfo,
)
from eval.records.store import append, read_all
from eval.runtime.statistics import median_interval, summarize_ntire
from leaderboard.official_values import check_range, is_number, is_text, number_of, numbers_of

DATASET = "DIV2K_LSDIR"
# Column titles of results.txt, all years: title without unit, lower case -> our name.
COLUMNS = {
    **{
        f"{prefix} {metric.title.lower()}": f"{split}_{metric.name}"
        for metric in METRICS.values()
        for prefix, split in (("val", "valid"), ("test", "test"))
    },
    "val time": "valid_ms",
    "test time": "test_ms",
    "ave time": "ave_ms",
    "params": "params_m",
    "flops": "flops_g",
    "acts": "activations_m",
    "mem": "memory_mib",
    "conv": "num_conv",
}


def import_file(path: Path, save_dir: Path, challenge: str = "", device: str = "") -> list[Record]:
    """Append every model of the official file at `path` to the records of `save_dir`; returns them.

    Importing the same file into the same folder again adds nothing and returns an empty list. Raises
    InputError with the file, model and field if something is not as the official code writes it.
    """
    records = read_official(path, challenge, device)
    known = {(record.session, record.model) for record in read_all(save_dir)}
    added = [record for record in records if (record.session, record.model) not in known]
    for record in added:
        append(save_dir, record)
    return added


def read_official(path: Path, challenge: str = "", device: str = "") -> list[Record]:
    """The records in an official `results.json` or `results.txt`, not stored anywhere yet."""
    for what, given in (("file name", path.name), ("--device", device)):
        if not is_text(given):
            raise InputError(f"{what}: {given!r:.80} is no valid text")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    common = {
        "source": "imported",
        "imported_from": path.name,
        "challenge": challenge,
        "dataset": DATASET,
        "protocol": "ntire",
        "device": device,
        "status": "ok",
        "session": f"import {hashlib.sha256(content).hexdigest()[:16]}",
    }
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: not a text file; expected an official results.json or results.txt"
        ) from None
    records = (
        _from_json(path, text, common)
        if text.lstrip()[:1] in "{[" and text.strip()
        else _from_text(path, text, common)
    )
    if not records:
        raise InputError(
            f"{path}: holds no model; expected an official results.json or results.txt with at least one"
        )
    return records


def _from_json(path: Path, text: str, common: dict[str, Any]) -> list[Record]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits, and deep nesting
        raise InputError(f"{path}: not valid JSON: {error!s:.200}") from None
    if not isinstance(content, dict) or not all(isinstance(value, dict) for value in content.values()):
        raise InputError(
            f"{path}: expected a mapping from model names to their results, as the official code writes"
        )
    records = []
    for model, results in content.items():
        if results.get("status") == "failed":  # as this project's own results.json lists a failed submission
            reason = str(results.get("error") or "failed")
            if not is_text(reason):
                raise InputError(f"{path}: model '{model.strip()}': 'error' is no valid text")
            failed = {**common, "status": "failed", "error": reason}
            records.append(Record(**failed, submission=_submission(path, model)))
            continue
        modes: dict[str, ModeResult] = {
            mode: found for mode in SPLITS if (found := _mode(path, model, mode, results))
        }
        if not modes:
            raise InputError(f"{path}: model '{model.strip()}' has neither 'valid_psnr' nor 'test_psnr'")
        numbers: dict[str, Any] = {
            ours: number_of(path, model, results, theirs)
            for ours, theirs in (
                ("params_m", "num_parameters"),
                ("flops_g", "flops"),
                ("activations_m", "activations"),
            )
        }
        convs = number_of(path, model, results, "num_conv")
        complexity = Complexity(**numbers, num_conv=None if convs is None else int(convs))
        submission = _submission(path, model)
        records.append(Record(**common, submission=submission, modes=modes, complexity=complexity))
    return records


def _mode(path: Path, model: str, mode: str, results: dict[str, Any]) -> ModeResult | None:
    columns = {name: numbers_of(path, model, results, f"{mode}_{name}") for name in (*METRICS, "runtime")}
    metrics = {name: values for name in METRICS if (values := columns[name]) is not None}
    if not metrics:
        return None
    first = next(iter(metrics))
    count = len(metrics[first])
    for name, values in columns.items():
        if values is not None and len(values) != count:
            raise InputError(
                f"{path}: model '{model.strip()}': '{mode}_{name}' has {len(values)} values, "
                f"'{mode}_{first}' has {count}; they must be equal"
            )
    times = columns["runtime"]
    images = [
        ImageResult(
            name=f"{mode}_{index + 1:04d}",
            metrics={name: values[index] for name, values in metrics.items()},
            runtime_ms=times[index] if times else None,
        )
        for index in range(count)
    ]
    runtime = _runtime(times, is_first=mode == _first_mode(results)) if times else None
    return ModeResult(
        images=images, runtime=runtime, memory_mib=number_of(path, model, results, f"{mode}_memory")
    )


def _first_mode(results: dict[str, Any]) -> str:
    return next(mode for mode in SPLITS if any(results.get(f"{mode}_{name}") is not None for name in METRICS))


def _runtime(times: list[float], is_first: bool) -> RuntimeSummary:
    """Only the first pass has a cold call: the second one runs in a warm process."""
    summary = summarize_ntire(times)
    return RuntimeSummary(
        protocol="ntire",
        mean=math.fsum(times) / len(times),
        median=summary.median,
        ci95=median_interval(times),
        cold=times[0] if is_first else None,
    )


def _from_text(path: Path, text: str, common: dict[str, Any]) -> list[Record]:
    lines = [line for line in text.splitlines() if line.strip()]
    header = _header(lines[0]) if lines else []
    if not any(f"valid_{metric}" in header for metric in METRICS):
        raise InputError(
            f"{path}: not an official results file: expected JSON, or a table whose header names "
            "'Model' and 'Val PSNR'"
        )
    records = []
    for number, line in enumerate(lines[1:], start=2):
        words = line.split()
        values = words[-len(header) :]
        model = " ".join(words[: -len(header)])
        if len(words) <= len(header) or not all(is_number(value) for value in values):
            raise InputError(
                f"{path}: line {number}: expected a model and {len(header)} numbers, found '{line.strip()}'"
            )
        row = dict(zip(header, map(float, values), strict=True))
        for name in set(COLUMNS.values()) & set(row):
            check_range(path, model, name, row[name])
        records.append(Record(**common, submission=_submission(path, model), **_row_results(row)))
    return records


def _header(line: str) -> list[str]:
    """Our names of a header's columns, without the model's; an unknown title keeps its own text."""
    titles = [
        re.sub(r"\s*\[.*?\]", "", title).strip().lower() for title in re.split(r"\t|\s{2,}", line.strip())
    ]
    return [COLUMNS.get(title, title) for title in titles if title and title != "model"]


def _row_results(row: dict[str, float]) -> dict[str, Any]:
    modes = {}
    for mode in SPLITS:
        means = {metric: row[f"{mode}_{metric}"] for metric in METRICS if f"{mode}_{metric}" in row}
        if not means:
            continue
        time = row.get(f"{mode}_ms")
        runtime = None if time is None else RuntimeSummary(protocol="ntire", mean=time, median=time)
        memory = row.get("memory_mib") if mode == "valid" else None
        modes[mode] = ModeResult(images=[], means=means, runtime=runtime, memory_mib=memory)
    convs = row.get("num_conv")
    figures: dict[str, Any] = {name: row.get(name) for name in ("params_m", "flops_g", "activations_m")}
    complexity = Complexity(**figures, num_conv=None if convs is None else int(convs))
    return {"modes": modes, "complexity": complexity, "published_runtime_ms": row.get("ave_ms")}


def _submission(path: Path, model: str) -> SubmissionInfo:
    name = model.strip()
    if not name or not is_text(name):
        raise InputError(
            f"{path}: model {name!r:.80}: the name is {'no valid text' if name else 'empty'}; "
            "expected one such as 25_EERN"
        )
    match = re.match(r"0*(\d+)[_-]", name)
    return SubmissionInfo(model=name, model_id=match.group(1) if match else "", origin="published")
