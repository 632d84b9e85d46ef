"""Loads a submission of an NTIRE-style repository by its own `select_model`, and its `forward_teamNN` if it has one."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from eval.protocol.job import RepositorySource
from eval.worker.adapters import repository_path
from eval.worker.adapters.loaded_model import ForwardPass, LoadedModel, LoadError, Setting


def load(source: RepositorySource, setting: Setting) -> LoadedModel:
    """Call the repository's own `select_model`. Raises LoadError, or whatever the repository raises."""
    model_id, file = source.model_id, Path(source.entry)
    os.chdir(source.repo)
    repository_path.show_repository(source.repo)
    sys.argv = [file.name, "--model_id", str(model_id)]
    entry = importlib.import_module(file.stem)
    args = argparse.Namespace(
        model_id=model_id, data_dir="../", save_dir="../results", include_test=False, ssim=False
    )
    selected = entry.select_model(args, setting.device)
    if not isinstance(selected, tuple) or len(selected) < 3:
        raise LoadError("select_model returned something else than (model, name, data_range, tile)")
    model, name, data_range, tile = (*selected, None)[:4]
    if not callable(getattr(model, "eval", None)):
        raise LoadError(
            f"select_model returned a {type(model).__name__} as model, expected a torch.nn.Module"
        )
    model.eval().to(setting.device)
    return LoadedModel(model, _forward(entry, model_id, model, tile), float(data_range), str(name))


def _forward(entry: Any, model_id: int, model: Any, tile: Any) -> ForwardPass:
    """The repository's forward function: the team's own if there is one, otherwise the common one."""
    for name in (f"forward_team{model_id:02}", f"forward_team{model_id}", "forward"):
        function = getattr(entry, name, None)
        if callable(function):
            return lambda image: function(image, model, tile)
    if tile is not None:
        raise LoadError(
            f"{entry.__name__}.py has no function 'forward', which a model with tile={tile} needs"
        )
    return lambda image: model(image)
