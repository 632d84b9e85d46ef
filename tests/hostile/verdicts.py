"""Whether a record is what a submission's `@expected` lines say.

Verdicts:

    failed: PATTERN               failed, and the status contains the regular expression
    ok with flag: NAME            evaluated, and the flag is in the record
    ok                            evaluated
    ok: unchanged numbers         evaluated, PSNR of every image equal to the honest submission's
    ok: other numbers             evaluated, PSNR of every image lower than the honest submission's
    ok: no runtime                evaluated, and no runtime is recorded
    ok: runtime at least N ms or none
    ok: unchanged counts          evaluated, parameters and FLOPs equal to the honest submission's
    ok: unflagged counts          evaluated, and no flag speaks against parameters or FLOPs
    ok: own name                  evaluated, under its own results key
    ok: plain name                evaluated, under a results key that shows how it differs from the honest one's
"""

from __future__ import annotations

import re

from eval.records.flags import FlagName
from eval.records.schema import Record

COUNT_FLAGS = {
    FlagName.COMPLEXITY_NOT_ESTABLISHED.value,
    FlagName.COMPLEXITY_NOT_CONFIRMED.value,
    FlagName.PARAMETERS_ELSEWHERE.value,
    FlagName.WORK_ADDED.value,
}


def psnr(record: Record) -> dict[str, float]:
    """PSNR in dB by image."""
    return {image.name: image.metrics["psnr"] for mode in record.modes.values() for image in mode.images}


def runtime_ms(record: Record) -> float | None:
    """The runtime of the only split, or None if none is recorded."""
    (mode,) = record.modes.values()
    return mode.runtime.headline_ms if mode.runtime else None


def contradiction(expected: str, record: Record, honest: Record) -> str:
    """What in `record` differs from `expected`. Empty if nothing does."""
    kind, _, rest = expected.partition(": ")
    stated = f"{record.status}, {record.error or [flag.name for flag in record.flags]}"
    if kind == "failed":
        good = record.status == "failed" and re.search(rest, record.error or "") and not record.modes
        return "" if good else f"expected '{expected}', found {stated}"
    if record.status != "ok":
        return f"expected '{expected}', found {stated}"
    if kind == "ok with flag":
        return (
            "" if rest in [flag.name for flag in record.flags] else f"expected '{expected}', found {stated}"
        )
    if expected == "ok":
        return ""
    if rest == "unflagged counts":
        doubts = [flag for flag in record.flags if flag.name in COUNT_FLAGS]
        return f"expected no flag about counts, found {doubts}" if doubts else ""
    return _contradicted_numbers(rest, record, honest)


def _contradicted_numbers(expected: str, record: Record, honest: Record) -> str:
    found, reference = psnr(record), psnr(honest)
    if expected == "unchanged numbers":
        return "" if found == reference else f"PSNR {found}, the honest one's {reference}"
    if expected == "other numbers":
        lower = all(found[name] < reference[name] for name in reference)
        return "" if lower else f"PSNR {found}, not below the honest one's {reference}"
    if expected == "unchanged counts":
        counts, others = (
            (one.complexity.params_m, one.complexity.flops_g) if one.complexity else None
            for one in (record, honest)
        )
        return "" if counts == others else f"parameters and FLOPs {counts}, the honest one's {others}"
    if expected == "plain name":
        return "" if record.model.isascii() and record.model != honest.model else record.model
    if expected == "own name":
        own = (
            record.model.startswith(f"{int(record.submission.model_id):02}_") and record.model != honest.model
        )
        return "" if own else record.model
    runtime = runtime_ms(record)
    if expected == "no runtime":
        return "" if runtime is None else f"a runtime of {runtime} ms"
    at_least = re.fullmatch(r"runtime at least (\d+) ms or none", expected)
    if at_least is None:
        raise ValueError(f"unknown verdict '{expected}'")
    return "" if runtime is None or runtime >= float(at_least.group(1)) else f"a runtime of {runtime} ms"
