"""Worker half of native submissions: a model script and a checkpoint, described by a manifest.

The parent half (finding and checking manifests) is `eval.submission`.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from eval.worker.adapters import checkpoints
from eval.worker.adapters.loaded import Loaded, LoadError


def load(source: dict[str, Any], device: torch.device, scale: int) -> Loaded:
    """Build `source["class"]` with its arguments and load the checkpoint strictly.

    source: `script`, `class`, `args`, `checkpoints` (each `prefix`, `path`, `key`, `key_may_lack`), `data_range`,
    `tile`, `tile_overlap`, `pad_multiple`, `allow_pickle`; `modules`, a folder that its build step filled, if it
    has one. Raises LoadError.
    """
    if "modules" in source:
        sys.path.insert(0, source["modules"])
    script = Path(source["script"])
    model = _build(_import_script(script), script.name, source["class"], source["args"])
    for part in source["checkpoints"]:
        path = Path(part["path"])
        content = checkpoints.load(path, allow_pickle=source["allow_pickle"])
        lacks_key = isinstance(content, dict) and part["key"] not in content
        key = "" if part["key_may_lack"] and lacks_key else part["key"]
        state = checkpoints.select(content, key, path.name)
        filled = model.get_submodule(part["prefix"]) if part["prefix"] else model
        checkpoints.load_strict(filled, state, path.name)
    model.eval().requires_grad_(False).to(device)
    return Loaded(model, _forward(model, source, scale), float(source["data_range"]))


def _import_script(script: Path) -> ModuleType:
    name = f"models.{script.stem}"
    spec = importlib.util.spec_from_file_location(name, script)
    if spec is None or spec.loader is None:
        raise LoadError(f"script {script.name}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _build(module: ModuleType, script: str, name: str, arguments: dict[str, Any]) -> torch.nn.Module:
    factory = getattr(module, name, None)
    if factory is None:
        raise LoadError(f"script {script}: defines no '{name}' (manifest field 'class')")
    model = factory(**arguments)
    if not isinstance(model, torch.nn.Module):
        raise LoadError(
            f"script {script}: '{name}' made a {type(model).__name__}, expected a torch.nn.Module"
        )
    return model


def _forward(
    model: torch.nn.Module, source: dict[str, Any], scale: int
) -> Callable[[torch.Tensor], torch.Tensor]:
    """`model` itself, or wrapped in the padding and tiling that the manifest declares."""
    forward: Callable[[torch.Tensor], torch.Tensor] = model
    if source["pad_multiple"] > 1 or source["tile"]:
        from models import tiling

        if source["pad_multiple"] > 1:
            forward = tiling.padded(forward, source["pad_multiple"], scale)
        if source["tile"]:
            forward = tiling.tiled(forward, source["tile"], source["tile_overlap"], scale)
    return forward
