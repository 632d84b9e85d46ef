"""A record as it leaves the machine: without local paths, host name, session and printed lines."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.records.public import public_label, without_paths
from eval.records.schema import Record

# What `eval.reproduction.environment` compares, and nothing else of the machine.
_MACHINE = ("cpu", "cores", "usable_cores", "system", "kernel", "python", "packages", "settings")
_GPU = ("name", "driver")
_SHORTEST_HOST = 3  # a shorter host name would be found in any text


def public_record(record: Record, known: Sequence[Path]) -> Record:
    """`record` with names instead of paths. known: folders and files of this machine, which may hold spaces."""
    content = record.model_dump(mode="json")
    gpu = record.machine.get("gpu") or {}
    content |= {"output": [], "session": "", "job_key": "", "dataset": ""}
    content["machine"] = {name: record.machine.get(name) for name in _MACHINE}
    content["machine"]["gpu"] = {name: gpu.get(name) for name in _GPU} if gpu else None
    cleaned = _cleaned(content, known)
    cleaned["dataset"] = public_label(_without_known(record.dataset, known))
    return Record.model_validate(cleaned)


def public_text(text: str, known: Sequence[Path]) -> str:
    """`text` without paths and without this machine's name."""
    host = platform.node()
    shown = without_paths(_without_known(text, known))
    return re.sub(rf"\b{re.escape(host)}\b", "host", shown) if len(host) >= _SHORTEST_HOST else shown


def _without_known(text: str, known: Sequence[Path]) -> str:
    for path in sorted(map(str, known), key=len, reverse=True):
        if path != "/":
            text = text.replace(path, Path(path).name)
    return text


def _cleaned(value: Any, known: Sequence[Path]) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(part, known) for key, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(part, known) for part in value]
    return public_text(value, known) if isinstance(value, str) else value
