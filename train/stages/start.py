"""The network and the weights that a stage starts with, and its teacher."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from data.errors import InputError
from train.distill import Teacher
from train.networks import (
    Blueprint,
    State,
    blueprint,
    load_joining,
    read_state,
    submission_network,
    to_data_range,
    to_training_range,
    without_modules,
)
from train.reparam import fold_all, unfolded
from train.saving import read_network
from train.schema.fields import WarmStart
from train.schema.recipe import Recipe, teacher_weights
from train.schema.stage import Stage
from train.stages.trainee import terms


@dataclass
class Finished:
    """The stages that are done, in order, with their folders and the networks that they trained."""

    folders: dict[str, Path] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)

    def add(self, stage: Stage, folder: Path) -> None:
        """Add `stage`, whose checkpoints are in `folder`."""
        self.folders[stage.name], self.networks[stage.name] = folder, stage.network

    def checkpoint(self, stage: Stage) -> Path | None:
        """The checkpoint that `stage` starts from; None if it starts from random weights."""
        if stage.start == "scratch":
            return None
        if stage.start == "previous":
            names = [name for name, network in self.networks.items() if network == stage.network]
        else:
            names = self.called(stage.start)
        return self.folders[names[-1]] / f"{stage.pick}.pth" if names else None

    def called(self, name: str) -> list[str]:
        """The finished stages called `name`: one stage, or the repetitions of a repeated stage in order."""
        return [done for done in self.folders if done == name or _repeats(done, name)]

    def latest(self, network: str) -> Path:
        """The last checkpoint of `network`. A finished stage must have trained it."""
        names = [name for name, trained in self.networks.items() if trained == network]
        return self.folders[names[-1]] / "last.pth"


def _repeats(name: str, base: str) -> bool:
    return name.startswith(f"{base}_") and name[len(base) + 1 :].isdigit()


@dataclass(frozen=True)
class Origins:
    """Weights named on the command line. With `stand_ins`, random weights may replace missing files."""

    weights: dict[str, Path] = field(default_factory=dict)
    stand_ins: bool = False


def starting_network(
    recipe: Recipe, stage: Stage, finished: Finished, origins: Origins, seed: int
) -> tuple[Blueprint, State, list[str]]:
    """The network that `stage` starts with, its parameters, and notes for the summary.

    Raises InputError if weights are missing or do not fit.
    """
    torch.manual_seed(seed)
    source = finished.checkpoint(stage)
    notes: list[str] = []
    if source is None:
        plan, state = blueprint(recipe.networks[stage.network]), None
    else:
        plan, state = read_network(source)
    if stage.fold and state is not None:
        state = folded(plan, state)
    plan = plan.changed(without=stage.without, args=stage.args, imports=stage.imports)
    if stage.warm_start is not None:
        state, note = _warm(recipe, stage.warm_start, origins)
        state = to_training_range(plan, state)
        notes.append(f"stage {stage.name}: {note}")
    model = plan.build()
    if plan.unit_range is not None:  # only to report wrong names before the training, not after it
        to_data_range(plan, folded(plan, model.state_dict()))
    if state is not None:
        state = unfolded(model, without_modules(state, stage.drops))
        load_joining(model, state, stage.joins, f"stage {stage.name}")
    return plan, model.state_dict(), notes


def folded(plan: Blueprint, state: State) -> State:
    """`state` with every re-parameterised convolution folded into one."""
    model = plan.build()
    model.load_state_dict(state, strict=True)
    fold_all(model)
    return model.state_dict()


def _warm(recipe: Recipe, warm: WarmStart, origins: Origins) -> tuple[State, str]:
    path = origins.weights.get(warm.file, Path(warm.file))
    if path.is_file():
        return read_state(path, warm.key), f"warm start from {path.name}"
    if origins.stand_ins and warm.network is not None:
        state = blueprint(recipe.networks[warm.network]).build().state_dict()
        return state, f"warm start from random weights of {warm.network}, in place of {warm.file}"
    raise InputError(f"warm_start: {path}: no such file; give it with --weights {warm.file}=PATH")


def teacher_for(stage: Stage, finished: Finished, origins: Origins, device: torch.device) -> Teacher | None:
    """The teacher that `stage` asks for, if any. Raises InputError if its weights are missing."""
    distil = stage.distil
    if distil is None:
        return None
    if distil.network is not None:
        plan, state = read_network(finished.latest(distil.network))
        model, data_range = plan.build(), plan.training_range
        model.load_state_dict(state, strict=True)
    else:
        assert distil.submission is not None
        given = origins.weights.get(teacher_weights(distil.submission))
        model, data_range = submission_network(distil.submission, str(given) if given else distil.checkpoint)
    fold_all(model)
    return Teacher(model.to(device), data_range, terms(distil.losses))
