"""Loads a native submission: a model script and a checkpoint, described by a manifest."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from data.text import did_you_mean
from eval.protocol.job import NativeSource
from eval.worker.adapters import beside, checkpoints
from eval.worker.adapters.loaded_model import ForwardPass, LoadedModel, LoadError, Setting, Whole
from models import tiling

MAX_CLASSES = 8


def load(source: NativeSource, setting: Setting) -> LoadedModel:
    """Build the manifest's class with its arguments and load the checkpoint strictly. Raises LoadError."""
    if source.modules:
        sys.path.insert(0, source.modules)
    script = Path(source.script)
    beside.make_importable(script.parent, source.files)
    model = _build(_import_script(script), script.name, source.class_, source.args)
    notes = [note for part in source.checkpoints if (note := _fill(model, part, source.allow_pickle))]
    model.eval().requires_grad_(False).to(setting.device)
    forward = _forward(model, source, setting.scale)
    counted = model if forward is model else Whole(model, forward)
    return LoadedModel(counted, forward, float(source.data_range), notes=tuple(notes))


def _fill(model: torch.nn.Module, part: Any, allow_pickle: bool) -> str:
    """Load one checkpoint file into the submodule that it fills; what was done to make it fit."""
    path = Path(part.path)
    content = checkpoints.load(path, allow_pickle=allow_pickle)
    lacks_key = isinstance(content, dict) and part.key not in content
    key = "" if part.key_may_lack and lacks_key else part.key
    state = checkpoints.select(content, key, path.name)
    filled = model.get_submodule(part.prefix) if part.prefix else model
    return checkpoints.load_strict(filled, state, path.name)


def _import_script(script: Path) -> ModuleType:
    name = f"models.{script.stem}"
    spec = importlib.util.spec_from_file_location(name, script)
    if spec is None or spec.loader is None:
        raise LoadError(f"script {script.name}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _build(module: ModuleType, script: str, name: str, arguments: Mapping[str, Any]) -> torch.nn.Module:
    factory = getattr(module, name, None)
    if factory is None:
        raise LoadError(
            f"script {script}: defines no '{name}' (manifest field 'class'){_candidates(module, name)}"
        )
    model = factory(**arguments)
    if not isinstance(model, torch.nn.Module):
        raise LoadError(
            f"script {script}: '{name}' made a {type(model).__name__}, expected a torch.nn.Module"
        )
    return model


def _candidates(module: ModuleType, name: str) -> str:
    """The classes of networks that a script defines, the nearest name first."""
    found = [
        key
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, torch.nn.Module)
        and value.__module__ == module.__name__
    ]
    if not found:
        return "; it defines no torch.nn.Module at all"
    hint = did_you_mean(name, found) or ";"
    more = ", ..." if len(found) > MAX_CLASSES else ""
    return f"{hint} It defines: {', '.join(found[:MAX_CLASSES])}{more}"


def _forward(model: torch.nn.Module, source: NativeSource, scale: int) -> ForwardPass:
    """`model` itself, or wrapped in the padding and tiling that the manifest declares."""
    forward: Callable[[torch.Tensor], torch.Tensor] = model
    if source.pad_multiple > 1:
        forward = tiling.padded(forward, source.pad_multiple, scale)
    if source.tile:
        forward = tiling.tiled(forward, source.tile, source.tile_overlap, scale)
    return forward
