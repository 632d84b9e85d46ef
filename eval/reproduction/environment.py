"""How the environments of two records differ: system, processor, GPU, driver, CUDA, packages, threads, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from eval.records.schema import Record

Part = Literal["environment", "submission", "numbers", "pixels"]
NOT_RECORDED = "not recorded"
_LIBRARIES = {"CUDA": r"nvidia-cuda-runtime\b|nvidia-cuda-runtime-cu\d+", "cuDNN": r"nvidia-cudnn-cu\d+"}
_MACHINE = {
    "operating system": "system", "kernel": "kernel", "processor": "cpu", "logical processors": "cores",
    "usable processors": "usable_cores", "Python": "python",
}  # fmt: skip


@dataclass(frozen=True)
class Moved:
    """One thing in two records. before, after: as texts. verdict: `unknown` if one record does not tell."""

    part: Part
    what: str
    before: str
    after: str
    verdict: Literal["same", "differs", "unknown"]


def compared(part: Part, what: str, before: object, after: object) -> Moved:
    """The two values as texts with a verdict; None and empty texts are not recorded."""
    texts = [NOT_RECORDED if value in (None, "") else str(value) for value in (before, after)]
    verdict: Literal["same", "differs", "unknown"] = "same" if texts[0] == texts[1] else "differs"
    if verdict == "differs" and NOT_RECORDED in texts:
        verdict = "unknown"
    return Moved(part, what, texts[0], texts[1], verdict)


def environment_differences(before: Record, after: Record) -> list[Moved]:
    """What differs between the environments of two records, or is told by one of them only."""
    first, second = dict(_described(before)), dict(_described(after))
    found = [compared("environment", name, first.get(name), second.get(name)) for name in {**first, **second}]
    return [one for one in found if one.verdict != "same"]


def _described(record: Record) -> Iterator[tuple[str, object]]:
    """Names and values of everything that a record tells of its environment."""
    machine = record.machine
    for name, key in _MACHINE.items():
        yield name, machine.get(key)
    gpu = _table(machine.get("gpu"))
    yield "GPU", gpu.get("name", "none" if machine else None)
    yield "GPU driver", gpu.get("driver", "none" if machine else None)
    packages = _table(machine.get("packages"))
    for title, pattern in _LIBRARIES.items():
        yield title, _version(packages, pattern) or (_cuda_of(packages) if title == "CUDA" else None)
    for name, version in packages.items():
        yield f"package {name}", version
    settings = _table(machine.get("settings"))
    for name, value in settings.items():
        yield f"setting {name}", value
    yield "device", record.device
    yield "protocol", record.protocol
    yield "sandbox", record.sandbox
    yield "flags", ", ".join(sorted({flag.name for flag in record.flags})) or "none"


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _version(packages: dict[str, Any], pattern: str) -> str | None:
    return next((str(version) for name, version in packages.items() if re.fullmatch(pattern, name)), None)


def _cuda_of(packages: dict[str, Any]) -> str | None:
    """The CUDA that torch was built for, from its version, such as `cu124` of `2.5.1+cu124`."""
    return str(packages.get("torch", "")).partition("+")[2] or None
