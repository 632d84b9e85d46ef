"""Everything a stage needs before its first step, made and checked without any communication."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data.errors import InputError
from data.stores import PairStore, open_store
from train.context import RunContext
from train.distill import Teacher
from train.networks import Blueprint, State
from train.saving import read_tensors
from train.schema.stage import Stage
from train.stages.prune_channels import check_chains
from train.stages.prune_stage import Pruner
from train.stages.start import starting_network, teacher_for
from train.stages.validation import ValidationSet, folder_pairs, training_patches


@dataclass(frozen=True)
class StageStart:
    """The data, the networks and the length of a stage. `saved` is the state to go on from, if there is one."""

    store: PairStore
    steps: int
    plan: Blueprint
    state: State
    teacher: Teacher | None
    pruner: Pruner | None
    validation: ValidationSet
    notes: list[str]
    saved: dict[str, Any] | None


def prepare(context: RunContext, stage: Stage, number: int, seed: int) -> StageStart:
    """Prepare `stage`, the one with this `number` in the run. Raises InputError that names the field at fault."""
    options, recipe, device = context.options, context.recipe, context.fabric.device
    _check_share(stage, context.fabric.world_size)
    store = open_store(options.data, stage.data, recipe.scale)
    steps = stage.total_steps(len(store))
    plan, state, notes = starting_network(recipe, stage, context.finished, options.origins, seed)
    notes += [f"stage {stage.name}: {text}" for text in store.notes]
    if stage.prune is not None:
        check_chains(state, stage.prune.chains, stage.prune.final, f"stages.{stage.name}.prune")
    teacher = teacher_for(stage, context.finished, options.origins, device)
    _try_patch(stage, plan, state, store.scale, device)
    if options.val is None:
        validation = training_patches(store, stage.hr_patch // store.scale, seed)
    else:
        validation = folder_pairs(*options.val, store.scale)
    pruner = None if stage.prune is None else Pruner(stage.prune, steps)
    saved = _saved_state(options.out / "state.pt", number)
    return StageStart(store, steps, plan, state, teacher, pruner, validation, notes, saved)


def _check_share(stage: Stage, devices: int) -> None:
    if stage.batch % devices:
        raise InputError(
            f"stages.{stage.name}.batch: {stage.batch} patches cannot be shared by "
            f"{devices} devices; expected a multiple"
        )


@torch.no_grad()
def _try_patch(stage: Stage, plan: Blueprint, state: State, scale: int, device: torch.device) -> None:
    """Refuse a network that does not take this stage's patches, or that has another scale."""
    high, low = stage.hr_patch, stage.hr_patch // scale
    model = plan.build()
    model.load_state_dict(state, strict=True)
    patch = torch.zeros(1, 3, low, low, device=device)
    try:
        made = tuple(model.to(device).eval()(patch).shape)
    except RuntimeError as error:
        raise InputError(
            f"stages.{stage.name}.hr_patch: {high}: {plan.class_path} takes no patches of "
            f"{low}x{low} low-resolution pixels: {str(error).splitlines()[0]}"
        ) from None
    if made != (1, 3, high, high):
        raise InputError(
            f"scale: {scale}: {plan.class_path} makes {made[2]}x{made[3]} pixels of {low}x{low}; "
            f"expected {high}x{high}"
        )


def _saved_state(path: Path, number: int) -> dict[str, Any] | None:
    """What `state.pt` holds, if it is of this stage."""
    saved = read_tensors(path) if path.is_file() else None
    return saved if saved is not None and saved["stage"] == number else None
