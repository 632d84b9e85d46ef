"""The files of a training run. Each is written whole or not at all, so a kill leaves the last good one."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from data.errors import InputError
from train.networks import Blueprint, State


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: temporary file beside it, fsync, rename. A missing folder is made.

    Raises InputError if that cannot be done; nothing is left behind then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read what `write_json` wrote. Raises InputError if it cannot be read or is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # no JSON, or no text at all
        raise InputError(f"{path}: damaged: {error}; expected what the run wrote, or a new --out") from None


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write atomically with torch.save: tensors, numbers, strings, lists and dictionaries only."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def read_tensors(path: Path) -> Any:
    """Read what `write_tensors` wrote. Raises InputError if it is missing or damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # torch raises many kinds, from the zip reader to the unpickler
        raise InputError(f"{path}: damaged: {str(error).splitlines()[0]}; remove it to start over") from None


def write_network(path: Path, plan: Blueprint, state: State) -> None:
    """Write a network that can be built again: its parameters, on the CPU, and its blueprint."""
    parameters = {name: value.detach().cpu() for name, value in state.items()}
    write_tensors(path, {"params": parameters, "blueprint": json.dumps(asdict(plan))})


def read_network(path: Path) -> tuple[Blueprint, State]:
    """Read what `write_network` wrote: the blueprint and the parameters."""
    content = read_tensors(path)
    return Blueprint(**json.loads(content["blueprint"])), content["params"]
