"""Records made for tests: their figures are chosen, so that every rank can be worked out by hand."""

from __future__ import annotations

import hashlib
import math
import statistics
from typing import Any

from eval.records.schema import (
    Checkpoint,
    Complexity,
    ImageResult,
    ModeResult,
    Record,
    RuntimeSummary,
    SubmissionInfo,
)


def mode(psnr: list[float], times: list[float] | None, protocol: str = "robust") -> ModeResult:
    """`times`: each image's figure. Under `robust` a spike in the repeats keeps the plain mean away from it."""
    images = [
        ImageResult(name=f"{i:04d}", metrics={"psnr": value}, runtime_ms=times[i] if times else None)
        for i, value in enumerate(psnr)
    ]
    runtime = None
    if times:
        mean = math.fsum(times) / len(times)
        mean, median = (1.7 * mean, mean) if protocol == "robust" else (mean, statistics.median(times))
        runtime = RuntimeSummary(protocol=protocol, mean=mean, median=median, cold=times[0])
    return ModeResult(images=images, runtime=runtime)


def record(
    model: str,
    psnr: float = 27.0,
    ms: float = 10.0,
    flops_g: float | None = 10.0,
    params_m: float | None = 0.15,
    images: int = 8,
    **changes: Any,
) -> Record:
    """A successful record whose images all have the same PSNR and runtime, in both modes."""
    modes = {name: mode([psnr] * images, [ms] * images) for name in ("valid", "test")}
    fields: dict[str, Any] = {
        "challenge": "esr2026",
        "dataset": "DIV2K_LSDIR",
        "scored_by_challenge_data": True,
        "submission": SubmissionInfo(
            model=model,
            team=f"Team {model}",
            checkpoint=Checkpoint(
                file=f"{model}.pth", sha256=hashlib.sha256(model.encode()).hexdigest(), source="authors"
            ),
        ),
        "status": "ok",
        "modes": modes,
        "complexity": Complexity(params_m=params_m, flops_g=flops_g),
        "protocol": "robust",
        "device": "GPU A",
        "sandbox": "landlock",
        "session": "one",
    }
    return Record(**{**fields, **changes})


def failed(model: str, error: str = "worker: exit status 3", **changes: Any) -> Record:
    fields: dict[str, Any] = {
        "challenge": "esr2026",
        "submission": SubmissionInfo(model=model),
        "status": "failed",
        "error": error,
    }
    return Record(**{**fields, **changes})
