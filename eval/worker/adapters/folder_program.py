"""Loads an Image SR repository of 2025 or 2026: a program that reads a folder of images and writes one.

Its `test.py` (or `eval.py`) has `select_model(args, device)`, which returns `(function, model_path, name)`. A team
without a branch of `select_model` is named by its module instead, whose `main` is the function. The function takes
`model_dir, input_path, output_path, device`. `load` selects it, and `Program.run` calls it once on the whole folder,
as the challenge does.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from eval.protocol.job import FolderProgramSource
from eval.protocol.replies import FolderDone
from eval.worker.adapters import repository_path
from eval.worker.adapters.loaded_model import LoadedModel, LoadError, Setting


def load(source: FolderProgramSource, setting: Setting) -> LoadedModel:
    """Find the submission's function. Raises LoadError, or whatever the repository raises."""
    entry = Path(source.entry)
    os.chdir(entry.parent)
    repository_path.show_repository(str(entry.parent))
    sys.argv = [entry.name, "--model_id", str(source.model_id)]
    if source.module:
        function, model_path, name = _main_of(source.module), source.model_dir, source.name
    else:
        function, model_path, name = _selected(entry, source.model_id, setting)
    program = Program(function, model_path, setting.device)
    return LoadedModel(torch.nn.Identity(), _refuse, 255.0, name, run_folder=program.run)


def _main_of(module: str) -> Callable[..., Any]:
    """The function `main` of a team's module."""
    function = getattr(importlib.import_module(module), "main", None)
    if not callable(function):
        raise LoadError(f"{module}: no function main")
    return function


def _selected(entry: Path, model_id: int, setting: Setting) -> tuple[Callable[..., Any], Any, str]:
    """Function, model path and name that the repository's own `select_model` returns."""
    spec = importlib.util.spec_from_file_location("imagesr_entry", entry)
    assert spec is not None and spec.loader is not None  # a .py file always has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    args = argparse.Namespace(model_id=model_id, valid_dir=None, test_dir=None, save_dir=".")
    selected = module.select_model(args, setting.device)
    if not isinstance(selected, tuple) or len(selected) != 3 or not callable(selected[0]):
        raise LoadError(f"{entry.name}: select_model did not return (function, model_path, name)")
    function, model_path, name = selected
    if not str(name).strip():
        raise LoadError(f"{entry.name}: select_model returned an empty name")
    return function, model_path, str(name)


class Program:
    """The function of one team, and the time that its networks took."""

    def __init__(self, function: Callable[..., Any], model_path: Any, device: torch.device) -> None:
        self._function, self._model_path, self._device = function, model_path, device

    def run(self, input_path: str, output_path: str) -> FolderDone:
        """Run on a folder.

        The whole time includes everything that the function does: loading its model, reading and writing images.
        The time in networks is that of outermost calls of torch modules, as seen in this process.
        """
        with NetworkWatch(self._device) as watch:
            start = time.perf_counter()
            self._function(
                model_dir=self._model_path,
                input_path=input_path,
                output_path=output_path,
                device=self._device,
            )
            watch.synchronize()
            whole_ms = (time.perf_counter() - start) * 1e3
        return FolderDone(whole_ms, watch.elapsed_ms, watch.calls, watch.parameters())


class NetworkWatch:
    """Adds up the time of outermost module calls, and remembers which modules those were."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._depth = 0
        self._start = 0.0
        self._outermost: dict[int, torch.nn.Module] = {}
        self.elapsed_ms = 0.0
        self.calls = 0

    def __enter__(self) -> NetworkWatch:
        from torch.nn.modules import module

        self._hooks = [
            module.register_module_forward_pre_hook(self._enter),
            module.register_module_forward_hook(self._leave, always_call=True),
        ]
        return self

    def __exit__(self, *_exception: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def parameters(self) -> int:
        """Elements of all parameters of the outermost modules, shared ones once."""
        known = {id(p): p.numel() for module in self._outermost.values() for p in module.parameters()}
        return sum(known.values())

    def synchronize(self) -> None:
        """Wait for the device, so that asynchronous work is in the time."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def _enter(self, module: torch.nn.Module, _arguments: Any) -> None:
        if self._depth == 0:
            self._outermost[id(module)] = module
            self.synchronize()
            self._start = time.perf_counter()
        self._depth += 1

    def _leave(self, _module: torch.nn.Module, _arguments: Any, _output: Any) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.synchronize()
            self.elapsed_ms += (time.perf_counter() - self._start) * 1e3
            self.calls += 1


def _refuse(_image: Any) -> Any:
    raise LoadError("this submission turns folders into folders: it has no forward pass for one image")
