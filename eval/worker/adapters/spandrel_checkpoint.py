"""Loads a bare checkpoint (`--weights`) of any architecture that spandrel recognises.

Scale, channels, value range and size requirements come from spandrel's descriptor, which also pads an
image to what the network needs and crops its output again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError
from spandrel.__helpers.canonicalize import canonicalize_state_dict

from eval.protocol.job import SpandrelSource
from eval.worker.adapters import checkpoints
from eval.worker.adapters.loaded_model import LoadedModel, LoadError, Setting

# The range of every descriptor's input and output, by spandrel's contract.
DATA_RANGE = 1.0


class Described(torch.nn.Module):
    """The network as its descriptor calls it: 1x3xHxW to 1x3x(sH)x(sW), values 0..1, padded and cropped."""

    def __init__(self, descriptor: ImageModelDescriptor[Any]) -> None:
        super().__init__()
        self.network = descriptor.model
        self.multiple = descriptor.size_requirements.multiple_of
        self._descriptor = descriptor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._descriptor(x)


def load(source: SpandrelSource, setting: Setting) -> LoadedModel:
    """The checkpoint's network on the worker's device. Raises LoadError for a network that cannot do this task."""
    path = Path(source.path)
    state = _state(path, allow_pickle=source.allow_pickle)
    try:
        descriptor = ModelLoader("cpu").load_from_state_dict(state)
    except UnsupportedModelError:
        raise LoadError(
            f"checkpoint {path.name}: of no architecture that spandrel knows (its keys begin with "
            f"{', '.join(list(state)[:3])}); write a manifest and a script for it"
        ) from None
    except (RuntimeError, ValueError, KeyError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise LoadError(
            f"checkpoint {path.name}: spandrel cannot build its network ({reason:.300})"
        ) from None
    _check(descriptor, path.name, setting.scale)
    descriptor.eval().to(setting.device)
    descriptor.model.requires_grad_(False)
    model = Described(descriptor)
    return LoadedModel(model, model, DATA_RANGE, described(descriptor))


def described(descriptor: ImageModelDescriptor[Any]) -> str:
    """Architecture, scale and what the network asks of its input, for the record."""
    needs = descriptor.size_requirements
    sizes = [f"at least {needs.minimum} pixels" if needs.minimum else ""]
    sizes += [f"multiples of {needs.multiple_of}" if needs.multiple_of != 1 else ""]
    sizes += ["square" if needs.square else ""]
    parts = [f"{descriptor.architecture.name} x{descriptor.scale}", *descriptor.tags, *sizes]
    return ", ".join(filter(None, parts))


def _state(path: Path, *, allow_pickle: bool) -> dict[str, Any]:
    if path.suffix.lower() == ".safetensors":
        return ModelLoader("cpu").load_state_dict_from_file(path)
    content = checkpoints.load(path, allow_pickle=allow_pickle)
    if not isinstance(content, dict):
        raise LoadError(f"checkpoint {path.name}: holds a {type(content).__name__}, expected a state_dict")
    return canonicalize_state_dict(content)


def _check(descriptor: Any, name: str, scale: int) -> None:
    found = descriptor.architecture.name
    if not isinstance(descriptor, ImageModelDescriptor):
        raise LoadError(f"checkpoint {name}: a {found}, which needs a mask beside its image")
    if descriptor.scale != scale:
        raise LoadError(f"checkpoint {name}: a {found} for x{descriptor.scale}, the challenge is x{scale}")
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        channels = f"{descriptor.input_channels} to {descriptor.output_channels}"
        raise LoadError(
            f"checkpoint {name}: a {found} for {channels} channels, the challenge's images have 3"
        )
