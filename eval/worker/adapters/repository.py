"""Loads a submission of an NTIRE-style repository by its own `select_model`, and its `forward_teamNN` if it has one."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.worker.adapters.loaded import Loaded, LoadError

if TYPE_CHECKING:
    import torch

ENTRY = "test_demo.py"


def load(source: dict[str, Any], device: torch.device, scale: int) -> Loaded:
    """Call the repository's own `select_model`; `source` holds `repo`, `model_id` and `allow_pickle`.

    Raises LoadError, or whatever the repository raises.
    """
    repo, model_id = source["repo"], int(source["model_id"])
    os.chdir(repo)
    sys.path.insert(0, repo)
    sys.argv = [ENTRY, "--model_id", str(model_id)]
    entry = importlib.import_module(Path(ENTRY).stem)
    args = argparse.Namespace(
        model_id=model_id, data_dir="../", save_dir="../results", include_test=False, ssim=False
    )
    selected = entry.select_model(args, device)
    if not isinstance(selected, tuple) or len(selected) < 3:
        raise LoadError("select_model returned something else than (model, name, data_range, tile)")
    model, name, data_range, tile = (*selected, None)[:4]
    if not callable(getattr(model, "eval", None)):
        raise LoadError(
            f"select_model returned a {type(model).__name__} as model, expected a torch.nn.Module"
        )
    model.eval().to(device)
    return Loaded(model, _forward(entry, model_id, model, tile, scale), float(data_range), str(name))


def _forward(entry: Any, model_id: int, model: Any, tile: Any, scale: int) -> Callable[[Any], Any]:
    """The repository's forward function: the team's own where there is one, else the common one."""
    for name in (f"forward_team{model_id:02}", f"forward_team{model_id}", "forward"):
        function = getattr(entry, name, None)
        if callable(function):
            return lambda image: function(image, model, tile)
    if tile is not None:
        raise LoadError(f"{ENTRY} has no function forward for a model with tile={tile} (scale {scale})")
    return lambda image: model(image)
