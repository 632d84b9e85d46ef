"""Reads checkpoints inside the worker: tensors only, unless full unpickling was asked for by name."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from data.text import printable
from eval.worker.adapters.loaded_model import LoadError

SHOWN_KEYS = 3
MOST_MOMENTS = 3  # per parameter: Adam with `amsgrad`
# What wrappers put before every name: DataParallel, torch.compile, Lightning and training frameworks.
WRAPPERS = ("module.", "_orig_mod.", "model.", "net_g.", "net.", "generator.")
# Keys that frameworks keep weights under; the first one that a checkpoint has is advised.
NESTING_KEYS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
SAVE_ADVICE = "save it with `torch.save(model.state_dict(), FILE)`"
# First bytes of files that are often found in place of a checkpoint, what they are, and the cure.
STRANGERS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (b"<!doctype html", "an HTML page, not a checkpoint; download the file itself"),
    (b"<html", "an HTML page, not a checkpoint; download the file itself"),
    (b"\x1f\x8b", "a gzip archive, not a checkpoint; unpack it"),
    (b"7z\xbc\xaf", "a 7z archive, not a checkpoint; unpack it"),
    (b"rar!", "a RAR archive, not a checkpoint; unpack it"),
)


def load(path: Path, *, allow_pickle: bool = False) -> Any:
    """The content of the checkpoint at `path`, on the CPU. Raises LoadError with the reason and the cure."""
    try:
        return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except FileNotFoundError:
        raise LoadError(f"checkpoint {path.name}: no such file") from None
    except Exception as error:
        reason = _stranger(path) or _refusal(error, allow_pickle)
        raise LoadError(f"checkpoint {path.name}: {reason}") from None


def _stranger(path: Path) -> str:
    """What a file is that is no checkpoint; empty if that cannot be told."""
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
        if not start:
            return "is empty (0 bytes); copy or download it again"
        for magic, what in STRANGERS:
            if start.lstrip().lower().startswith(magic):
                return f"is {what}"
        return _zip_archive(path) if zipfile.is_zipfile(path) else ""
    except (OSError, zipfile.BadZipFile):
        return ""


def _zip_archive(path: Path) -> str:
    """Checkpoints are ZIP files with a `data.pkl` inside; another ZIP file is an archive of something."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("data.pkl") for name in names):
        return ""
    held = ", ".join(printable(name)[:60] for name in names[:SHOWN_KEYS]) or "nothing"
    return f"is a ZIP archive (of {held}), not a checkpoint; unpack it"


def _refusal(error: Exception, allow_pickle: bool) -> str:
    """Why torch cannot read a file: the type that is no tensor, or torch's own words without its advice."""
    text = str(error)
    if not isinstance(error, pickle.UnpicklingError) or allow_pickle:
        return f"cannot be read ({_one_line(f'{type(error).__name__}: {text}')}); {SAVE_ADVICE}"
    named = re.search(r"(?:GLOBAL|global|class|type)\s+`?([A-Za-z_][\w.]*\.[A-Za-z_]\w*)", text)
    told = re.search(r"Unpickler error:\s*(.+)", text)
    what = f"'{named.group(1)}'" if named else f"({_one_line(told.group(1) if told else text)})"
    return (
        f"holds more than tensors, or is damaged: {what}; {SAVE_ADVICE}, or allow full unpickling inside the sandbox "
        "by --allow_pickle"
    )


def _one_line(text: str) -> str:
    """Text of torch or of a file, without terminal codes."""
    return printable(" ".join(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).split()))[:200]


def select(content: Any, key: str, name: str) -> dict[str, torch.Tensor]:
    """The state_dict under `key` of a checkpoint; an empty key stands for the whole. Raises LoadError."""
    if key and isinstance(content, dict) and key in content:
        content = content[key]
    elif key:
        raise LoadError(f"checkpoint {name}: no key '{key}' in it (it holds: {_held(content)})")
    if not isinstance(content, dict):
        raise LoadError(
            f"checkpoint {name}: holds a {type(content).__name__}, expected a state_dict; {SAVE_ADVICE}"
        )
    nested = _nested(content)
    if nested:
        raise LoadError(
            f'checkpoint {name}: its weights stand under a key; write `key = "{nested}"` in the manifest\'s '
            f"[checkpoint] (it holds: {_held(content)})"
        )
    return content


def _held(content: Any) -> str:
    if not isinstance(content, dict):
        return type(content).__name__
    more = ", ..." if len(content) > SHOWN_KEYS else ""
    return ", ".join(printable(str(key)) for key in list(content)[:SHOWN_KEYS]) + more


def _nested(content: dict[Any, Any]) -> str:
    """The key to advise if all tensors of a checkpoint lie one level deeper; otherwise empty."""
    if any(isinstance(value, torch.Tensor) for value in content.values()):
        return ""
    deeper = [
        str(key)
        for key, value in content.items()
        if isinstance(value, dict) and any(isinstance(one, torch.Tensor) for one in value.values())
    ]
    return next((key for key in NESTING_KEYS if key in deeper), printable(deeper[0]) if deeper else "")


def load_strict(model: torch.nn.Module, state: dict[str, torch.Tensor], name: str) -> str:
    """`model.load_state_dict(state, strict=True)`; returns a note if wrappers' prefixes were taken off all names.

    LoadError names the first few keys at fault. They are judged after the model's own loading hooks, which may
    translate a released layout.
    """
    problems = _problems(model, state)
    if not problems:
        return ""
    prefix, unwrapped = _unwrapped(state)
    if prefix and not _problems(model, unwrapped):
        return f"checkpoint {name}: the prefix '{prefix}' was taken off every name"
    raise LoadError(f"checkpoint {name} does not fit the model; {'; '.join(problems)}")


def _problems(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> list[str]:
    """Load `state` as far as it fits; what does not."""
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
    return [f"{label}: {_shown(keys)}" for label, keys in found.items() if keys]


def _unwrapped(state: dict[str, torch.Tensor]) -> tuple[str, dict[str, torch.Tensor]]:
    """`state` without the prefixes that all its names have, and these prefixes together."""
    taken = ""
    while prefix := next((one for one in WRAPPERS if state and all(k.startswith(one) for k in state)), ""):
        taken += prefix
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return taken, state


def tensors(content: Any) -> Iterator[torch.Tensor]:
    """Every tensor in nested dicts, lists and tuples, without those of an optimizer.

    A state of Adam alone holds twice as many elements as the network that it trains.
    """
    if isinstance(content, torch.Tensor):
        yield content
    elif _is_optimizer_state(content):
        return
    elif isinstance(content, dict):
        for value in content.values():
            yield from tensors(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from tensors(value)


def _is_optimizer_state(content: Any) -> bool:
    """Whether `content` is what `torch.optim.Optimizer.state_dict` gives, with nothing else in it.

    Its moments have the shape of the parameter: tensors of several shapes under one parameter are something else.
    """
    if not isinstance(content, dict) or set(content) != {"state", "param_groups"}:
        return False
    state = content["state"]
    if not isinstance(state, dict) or not all(isinstance(key, int) for key in state):
        return False
    return all(_are_moments(one) for one in state.values())


def _are_moments(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    found = [one for one in content.values() if isinstance(one, torch.Tensor) and one.numel() > 1]
    return len(found) <= MOST_MOMENTS and len({one.shape for one in found}) <= 1


def _shown(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    return ", ".join(keys[:SHOWN_KEYS]) + more
