"""A recipe in small: the same stages with fewer steps, fewer patches per step and smaller patches."""

from __future__ import annotations

import math
from typing import Any

from data.errors import InputError
from train.schema.recipe import Recipe
from train.schema.stage import Stage

SMALLEST_BATCH = 2
SMALLEST_PATCH = 72  # 18 low-resolution pixels at x4, which every network here can take


def scaled(recipe: Recipe, steps: float, batch: float, patch: float) -> Recipe:
    """`recipe` with steps (epochs, milestones), batch and patch times these factors, 0 < factor <= 1.

    Every stage keeps its fewest steps, two patches per step, and patches of `SMALLEST_PATCH` pixels. Larger
    patches stay larger. Raises InputError for another factor.
    """
    for name, factor in (("--scale-steps", steps), ("--scale-batch", batch), ("--scale-patch", patch)):
        if not 0 < factor <= 1:
            raise InputError(f"{name} {factor}: expected a factor over 0 and at most 1")
    stages = tuple(_scaled_stage(stage, recipe.scale, steps, batch, patch) for stage in recipe.stages)
    return recipe.model_copy(
        update={
            "stages": stages,
            # neither should take longer than the training between them
            "validate_every": max(round(recipe.validate_every * steps), 200),
            "save_every": max(round(recipe.save_every * steps), 100),
        }
    )


def _scaled_stage(stage: Stage, scale: int, steps: float, batch: float, patch: float) -> Stage:
    length: dict[str, Any] = {}
    patches = max(round(stage.batch * batch), SMALLEST_BATCH)
    if stage.steps is not None:
        length["steps"] = max(math.ceil(stage.steps * steps), stage.fewest_steps)
    if stage.epochs is not None:
        # fewer patches a step would lengthen an epoch: the number of steps is what is scaled
        length["epochs"] = stage.epochs * steps * (patches / stage.batch)
    at = tuple(max(math.ceil(milestone * steps), 1) for milestone in stage.schedule.at)
    warmup = math.ceil(stage.schedule.warmup * steps)
    side = max(round(stage.hr_patch * patch / scale) * scale, SMALLEST_PATCH)
    return stage.model_copy(
        update={
            **length,
            "batch": stage.batch if batch == 1 else patches,
            "hr_patch": stage.hr_patch if patch == 1 else side,
            "schedule": stage.schedule.model_copy(update={"at": at, "warmup": warmup}),
        }
    )
