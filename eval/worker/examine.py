"""The state of a loaded network, for those who check a submission before they hand it in."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import torch

from eval.protocol.replies import MAX_LEVEL, Examined
from eval.worker.adapters.loaded_model import LoadedModel


def examined(loaded: LoadedModel, image: torch.Tensor) -> Examined:
    """Run `image` (float32 1x3xHxW in 0..data_range) as the judge does, and once more in training mode."""
    model = loaded.model
    with torch.no_grad():
        output = loaded.forward(image)
    training = sum(module.training for module in model.modules() if not _is_wrapper(module))
    other = sum(one.numel() for one in model.parameters() if one.dtype != torch.float32)
    difference = _training_difference(loaded, image, output)
    return Examined(training, other, bool(output.requires_grad), difference, _made_of(model))


def _is_wrapper(module: torch.nn.Module) -> bool:
    """Whether a module is the harness's own, around the network."""
    return type(module).__module__.startswith("eval.")


def weights(loaded: LoadedModel) -> bytes:
    """A checkpoint of the network: its state_dict as `torch.save` writes it, of a library's network its own."""
    content = io.BytesIO()
    torch.save(getattr(loaded.model, "network", loaded.model).state_dict(), content)
    return content.getvalue()


def _training_difference(loaded: LoadedModel, image: torch.Tensor, output: torch.Tensor) -> float | None:
    """How far an output in training mode is from `output`, as a share of the data range; None if it fails."""
    try:
        with torch.no_grad(), _training(loaded.model):
            other = loaded.forward(image)
        difference = float((other.detach() - output.detach()).abs().max()) / loaded.data_range
    except Exception:  # training branches may need what is not there
        return None
    return min(difference, MAX_LEVEL) if math.isfinite(difference) else None


@contextlib.contextmanager
def _training(model: torch.nn.Module) -> Iterator[None]:
    """The network in training mode, under no_grad; modes, parameters and buffers are put back afterwards."""
    modes = {module: module.training for module in model.modules()}
    kept = [(tensor, tensor.clone()) for tensor in (*model.parameters(), *model.buffers())]
    model.train()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for tensor, content in kept:
            tensor.copy_(content)


def _made_of(model: Any) -> str:
    """JSON of module, class, arguments and least multiple of a network of spandrel; empty for any other."""
    network = getattr(model, "network", None)
    arguments = getattr(network, "hyperparameters", None)
    if not isinstance(arguments, dict):
        return ""
    kind = type(network)
    content = {
        "module": kind.__module__,
        "class": kind.__qualname__,
        "args": {name: value for name, value in arguments.items() if _is_plain(value)},
        "multiple": model.multiple,
    }
    return json.dumps(content)


def _is_plain(value: Any) -> bool:
    """Whether a manifest can hold a value: classes, such as those of layers, and None are left to their defaults."""
    if isinstance(value, (list, tuple)):
        return all(_is_plain(one) for one in value)
    return isinstance(value, (bool, int, float, str))
