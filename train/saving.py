"""Files of a training run: written whole or not at all; a kill at any moment leaves the last good one."""

from __future__ import annotations

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
    """Write a file atomically: temporary file beside it, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write with torch.save, atomically: tensors, numbers, strings, lists and dictionaries only."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def read_tensors(path: Path) -> Any:
    """Read the dictionary that `write_tensors` wrote. Raises InputError when it is damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, from the zip reader to the unpickler
        raise InputError(f"{path}: damaged: {str(error).splitlines()[0]}; remove it to start over") from None


def write_network(path: Path, plan: Blueprint, state: State, **more: Any) -> None:
    """A network that can be built again: its parameters (on the CPU) and its blueprint."""
    parameters = {name: value.detach().cpu() for name, value in state.items()}
    write_tensors(path, {"params": parameters, "blueprint": json.dumps(asdict(plan)), **more})


def read_network(path: Path) -> tuple[Blueprint, State]:
    """What `write_network` wrote."""
    content = read_tensors(path)
    return Blueprint(**json.loads(content["blueprint"])), content["params"]
