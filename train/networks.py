"""The networks of a recipe: built from a manifest or a class path, and loaded from checkpoints."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from data.errors import InputError
from eval.submissions.catalogue import find_manifest
from eval.submissions.manifest import MODEL_ZOO, read_manifest
from train.schema.fields import Network

State = dict[str, Tensor]


@dataclass(frozen=True)
class Blueprint:
    """A class with its arguments and its data range: everything that building the network again needs."""

    class_path: str
    args: dict[str, Any]
    imports: dict[str, str]
    data_range: float
    unit_range: tuple[str, str] | None = None

    @property
    def training_range(self) -> float:
        """The upper end of input and output while training: 1 for a `unit_range` network."""
        return self.data_range if self.unit_range is None else 1.0

    def build(self) -> nn.Module:
        """A new network with fresh parameters. Raises InputError if the class refuses the arguments."""
        arguments = self.args | {name: import_name(path) for name, path in self.imports.items()}
        maker = import_name(self.class_path)
        try:
            model = maker(**arguments)
        except Exception as error:  # each class, and torch below it, refuses numbers in its own way
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise InputError(f"{self.class_path}: does not take arguments {arguments}: {reason}") from None
        if not isinstance(model, nn.Module):
            raise InputError(f"{self.class_path}: makes a {type(model).__name__}, expected a torch module")
        return model

    def changed(
        self, *, without: tuple[str, ...] = (), args: Mapping[str, Any], imports: Mapping[str, str]
    ) -> Blueprint:
        """A copy less the imports named in `without`; `args` and `imports` are then added or replaced."""
        kept = {name: path for name, path in self.imports.items() if name not in without}
        return replace(self, args=self.args | dict(args), imports=kept | dict(imports))


def blueprint(network: Network) -> Blueprint:
    """The blueprint of a recipe's network. Raises InputError for an unknown submission."""
    if network.submission is None:
        assert network.class_ is not None and network.data_range is not None
        return Blueprint(
            network.class_, network.args, network.imports, network.data_range, network.unit_range
        )
    path = find_manifest(network.submission)
    manifest = read_manifest(path)
    module = (manifest.script or f"{path.stem}.py").removesuffix(".py")
    return Blueprint(
        f"models.{module}:{manifest.class_}",
        manifest.args | network.args,
        network.imports,
        network.data_range or manifest.data_range,
        network.unit_range,
    )


def to_training_range(plan: Blueprint, state: State) -> State:
    """The checkpoint `state` for training on 0..1 if `plan` has a `unit_range`, else unchanged.

    Raises InputError if the convolutions that `unit_range` names are missing.
    """
    return state if plan.unit_range is None else _moved(plan, state, plan.unit_range, plan.data_range)


def to_data_range(plan: Blueprint, state: State) -> State:
    """The inverse of `to_training_range`: the state for the network's own data range."""
    return state if plan.unit_range is None else _moved(plan, state, plan.unit_range, 1 / plan.data_range)


def _moved(plan: Blueprint, state: State, convs: tuple[str, str], factor: float) -> State:
    first, last = convs
    for conv, kind in ((first, "weight"), (last, "weight"), (last, "bias")):
        if f"{conv}.{kind}" not in state:
            raise InputError(
                f"unit_range: {plan.class_path} has no convolution {conv!r} with {kind}; "
                "expected the names of its first and of its last one"
            )
    changed = {
        f"{first}.weight": state[f"{first}.weight"] * factor,
        f"{last}.weight": state[f"{last}.weight"] / factor,
        f"{last}.bias": state[f"{last}.bias"] / factor,
    }
    return state | changed


def import_name(path: str) -> Any:
    """The object at "module:name". Raises InputError if there is none."""
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{path}: cannot be imported: {error}") from None


def read_state(path: Path, key: str = "") -> State:
    """The state_dict in a checkpoint file, below `key` if given. Only tensors are read.

    Raises InputError if the file is missing or no checkpoint, lacks the key, or holds anything but tensors.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # torch raises many kinds, from the zip reader to the unpickler
        raise InputError(f"{path}: not a checkpoint of tensors: {str(error).splitlines()[0]}") from None
    if key:
        if not isinstance(content, dict) or key not in content:
            raise InputError(f"{path}: no key {key!r} in it")
        content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(
            f"{path}: expected a state_dict (names and tensors){f' under {key!r}' if key else ''}"
        )
    return content


def load_joining(model: nn.Module, state: State, joins: Mapping[str, str], origin: str) -> None:
    """Load `state` strictly, except for the modules in `joins`, which `state` lacks.

    `joins` names modules or parameters by prefix, with how their parameters start. "keep" leaves them as the class
    made them. "zeros" sets them to zero. "identity" makes a convolution the identity, so the network computes what
    it computed without it. Raises InputError for any other missing or surplus name, and for a wrong shape.
    """
    missing, unexpected = [], sorted(set(state) - set(model.state_dict()))
    for name, value in model.state_dict().items():
        joining = any(name == prefix or name.startswith(f"{prefix}.") for prefix in joins)
        if name not in state and not joining:
            missing.append(name)
        if name in state and state[name].shape != value.shape:
            unexpected.append(f"{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}")
    if missing or unexpected:
        raise InputError(
            f"{origin}: does not fit {type(model).__name__}: "
            f"missing {missing[:5] or 'nothing'}, unexpected {unexpected[:5] or 'nothing'}"
        )
    model.load_state_dict(state, strict=False)
    for prefix, manner in joins.items():
        _initialise(model, prefix, manner)


def without_modules(state: State, prefixes: tuple[str, ...]) -> State:
    """`state` without the modules or parameters that `prefixes` name."""
    return {
        name: value
        for name, value in state.items()
        if not any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)
    }


@torch.no_grad()
def _initialise(model: nn.Module, prefix: str, manner: str) -> None:
    for name, parameter in model.named_parameters():
        if name != prefix and not name.startswith(f"{prefix}."):
            continue
        if manner == "zeros":
            parameter.zero_()
        if manner == "identity":
            if parameter.dim() >= 3:
                nn.init.dirac_(parameter)
            else:
                parameter.zero_()


def submission_network(model_id: str, checkpoint: str | None) -> tuple[nn.Module, float]:
    """A submission with its weights, and its data range.

    The weights come from the file `checkpoint` if given, else from model_zoo/. Raises InputError if the submission
    is unknown, or if its checkpoint is missing or does not fit.
    """
    plan = blueprint(Network(submission=model_id))
    manifest = read_manifest(find_manifest(model_id))
    model = plan.build()
    if checkpoint is not None:
        load_joining(model, read_state(Path(checkpoint)), {}, f"teacher {model_id}: {checkpoint}")
        return model, plan.data_range
    for entry in (manifest.checkpoint, manifest.reproduced):
        if entry is not None and (MODEL_ZOO / entry.file).is_file():
            state = read_state(MODEL_ZOO / entry.file, entry.key)
            load_joining(model, state, {}, f"teacher {model_id}: {entry.file}")
            return model, plan.data_range
    raise InputError(
        f"teacher {model_id}: no checkpoint in model_zoo/; run `python -m model_zoo fetch {model_id}`"
    )
