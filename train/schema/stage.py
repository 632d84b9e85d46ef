"""One stage of a recipe."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, model_validator

from train.schema.fields import STAGE_NAME, Distil, Loss, Optimizer, Prune, RecipePart, Schedule, WarmStart


class Stage(RecipePart):
    """One stage of training. `hr_patch` is the side of the high-resolution patch; `batch` is over all devices.

    - `start` is "previous", "scratch" or the name of a stage; `pick` says which of its checkpoints.
    - `fold` folds re-parameterised convolutions before the stage, which then trains plain ones. Name the
      arguments that brought them in `without`.
    - `args` and `imports` change the network for this stage, after `without`.
    - `drops` names modules of the starting weights that are left out.
    - `joins` names modules that the starting weights lack, and how their parameters start: as the class leaves
      them ("keep"), as zeros ("zeros"), or as an identity convolution ("identity").
    """

    name: str = Field(pattern=STAGE_NAME)
    network: str
    data: tuple[str, ...] = Field(min_length=1)
    epochs: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, ge=1)
    batch: int = Field(ge=1)
    hr_patch: int = Field(ge=4)
    losses: tuple[Loss, ...] = Field(min_length=1)
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    repeat: int = Field(default=1, ge=1)
    start: str = "previous"
    pick: Literal["last", "best"] = "last"
    warm_start: WarmStart | None = None
    fold: bool = False
    without: tuple[str, ...] = ()
    args: dict[str, Any] = Field(default_factory=dict)
    imports: dict[str, str] = Field(default_factory=dict)
    drops: tuple[str, ...] = ()
    joins: dict[str, Literal["keep", "zeros", "identity"]] = Field(default_factory=dict)
    distil: Distil | None = None
    prune: Prune | None = None
    flips: bool = True
    rotations: bool = True
    ema: float | None = Field(default=None, gt=0, lt=1)
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    channels_last: bool = False
    clip_norm: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_length(self) -> Stage:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either 'epochs' or 'steps'")
        return self

    @property
    def fewest_steps(self) -> int:
        """One step; for a pruning stage, one per pruning and one before them."""
        return 1 if self.prune is None else self.prune.events + 1

    def total_steps(self, images: int) -> int:
        """Optimiser steps of this stage on `images` training images. One epoch is one patch of each image."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(math.ceil(images * self.epochs / self.batch), self.fewest_steps)

    def repetitions(self) -> tuple[Stage, ...]:
        """The stage as often as `repeat` says: `wide_1`, `wide_2`, ... Each later one starts from the one before."""
        if self.repeat == 1:
            return (self,)
        later = {"start": "previous", "fold": False, "drops": (), "joins": {}, "warm_start": None}
        return tuple(
            self.model_copy(
                update={"repeat": 1, "name": f"{self.name}_{number}"} | (later if number > 1 else {})
            )
            for number in range(1, self.repeat + 1)
        )
