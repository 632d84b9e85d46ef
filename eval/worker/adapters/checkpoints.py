"""Reading checkpoints inside the worker: tensors only, unless full unpickling was asked for by name."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from eval.worker.adapters.loaded import LoadError

SHOWN_KEYS = 3


def load(path: Path, *, allow_pickle: bool = False) -> Any:
    """The content of the checkpoint at `path`, on the CPU. Raises LoadError with the reason."""
    try:
        return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except FileNotFoundError:
        raise LoadError(f"checkpoint {path.name}: no such file") from None
    except pickle.UnpicklingError as error:
        reason = str(error).split("\n")[0]
        raise LoadError(
            f"checkpoint {path.name}: holds more than tensors, or is damaged ({reason:.200}); "
            "--allow_pickle unpickles it inside the sandbox"
        ) from None
    except Exception as error:
        raise LoadError(
            f"checkpoint {path.name}: cannot be read ({type(error).__name__}: {error!s:.200})"
        ) from None


def select(content: Any, key: str, name: str) -> dict[str, torch.Tensor]:
    """The state_dict under `key` of a checkpoint (the whole of it for an empty key)."""
    if key and isinstance(content, dict) and key in content:
        content = content[key]
    elif key:
        there = (
            ", ".join(map(str, list(content)[:SHOWN_KEYS]))
            if isinstance(content, dict)
            else type(content).__name__
        )
        raise LoadError(f"checkpoint {name}: no key '{key}' in it (it holds: {there}, ...)")
    if not isinstance(content, dict):
        raise LoadError(f"checkpoint {name}: holds a {type(content).__name__}, expected a state_dict")
    return content


def load_strict(model: torch.nn.Module, state: dict[str, torch.Tensor], name: str) -> None:
    """`model.load_state_dict(state, strict=True)`; LoadError names the first few keys at fault.

    Judged after the model's own loading hooks, which may translate a released layout.
    """
    own = model.state_dict()
    wrong = {
        key: f"{key} is {tuple(value.shape)}, the model has {tuple(own[key].shape)}"
        for key, value in state.items()
        if isinstance(value, torch.Tensor) and key in own and value.shape != own[key].shape
    }
    loaded = model.load_state_dict({k: v for k, v in state.items() if k not in wrong}, strict=False)
    found = {
        "missing": [key for key in loaded.missing_keys if key not in wrong],
        "unexpected": list(loaded.unexpected_keys),
        "wrong shape": list(wrong.values()),
    }
    problems = [f"{label}: {_shown(keys)}" for label, keys in found.items() if keys]
    if problems:
        raise LoadError(f"checkpoint {name} does not fit the model; {'; '.join(problems)}")


def tensors(content: Any) -> Iterator[torch.Tensor]:
    """Every tensor in nested dicts, lists and tuples."""
    if isinstance(content, torch.Tensor):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from tensors(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from tensors(value)


def _shown(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    return ", ".join(keys[:SHOWN_KEYS]) + more
