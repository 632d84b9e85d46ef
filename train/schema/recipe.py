"""Recipes as typed data: which networks, in which stages, on which data, with which numbers.

A recipe is one TOML file. Networks are named; each stage trains one of them and starts, unless it says
otherwise, from the weights at the end of the last stage that trained the same network. Steps may be given
as such or as epochs (one epoch = as many patches as there are images). Sources stand in the TOML's comments.
"""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.errors import InputError
from eval import tomlfile

LossName = Literal["l1", "l2", "charbonnier", "psnr", "gradient_weighted"]
# The options of each loss: keyword arguments of the functions in train/losses.py, which needs torch to be read.
LOSS_OPTIONS: dict[str, set[str]] = {
    "l1": set(),
    "l2": set(),
    "charbonnier": {"eps"},
    "psnr": {"eps"},
    "gradient_weighted": {"alpha"},
}
IMPORT_PATH = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


class Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Loss(Fields):
    """One summand of a loss: `weight` times the loss `name`, with that loss's own options."""

    name: LossName
    weight: float = Field(default=1.0, gt=0)
    options: dict[str, float] = {}

    @model_validator(mode="after")
    def _known_options(self) -> Loss:
        known = LOSS_OPTIONS[self.name]
        for option in self.options:
            if option not in known:
                raise ValueError(
                    f"{self.name} has no option {option!r}, expected {', '.join(sorted(known)) or 'none'}"
                )
        return self


class Network(Fields):
    """A network, by `submission` (id in models/: its manifest gives class, args, data range) or `class`.

    `args` add to or replace the manifest's; `imports` are arguments given as "module:name" (a convolution
    factory, say). `data_range` is 1.0 or 255.0, what the network's input and output run up to.
    `unit_range` names the first and the last convolution of a network that is to be trained on 0..1 whatever
    its data range: checkpoints are converted on the way in and out, which changes no output.
    """

    submission: str | None = None
    class_: str | None = Field(default=None, alias="class", pattern=IMPORT_PATH)
    data_range: float | None = None
    unit_range: tuple[str, str] | None = None
    args: dict[str, Any] = {}
    imports: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_origin(self) -> Network:
        if (self.submission is None) == (self.class_ is None):
            raise ValueError("give either 'submission' or 'class'")
        if self.class_ is not None and self.data_range is None:
            raise ValueError("'class' needs 'data_range', 1.0 or 255.0")
        if self.data_range not in (None, 1.0, 255.0):
            raise ValueError("'data_range' must be 1.0 or 255.0")
        return self


Decay = Annotated[float, Field(ge=0, lt=1)]


class Optimizer(Fields):
    name: Literal["adam", "adamw"] = "adam"
    lr: float = Field(gt=0)
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)


class Schedule(Fields):
    """`cosine` down to `lr_min`; `halving` at the steps `at`; `constant`. All rise over `warmup` steps first."""

    name: Literal["constant", "cosine", "halving"] = "constant"
    lr_min: float = Field(default=0.0, ge=0)
    at: tuple[int, ...] = ()
    warmup: int = Field(default=0, ge=0)


class Distil(Fields):
    """Output distillation: `losses` to the output of a teacher, added to the stage's own.

    The teacher is a `network` of this recipe (as its last stage left it), or a `submission` with its
    checkpoint in model_zoo/ or at `checkpoint`.
    """

    network: str | None = None
    submission: str | None = None
    checkpoint: str | None = None
    losses: tuple[Loss, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_teacher(self) -> Distil:
        if (self.network is None) == (self.submission is None):
            raise ValueError("give either 'network' or 'submission'")
        return self


class WarmStart(Fields):
    """Start from a checkpoint of this or another architecture.

    `file` is a path, or the name of one given on the command line (`--weights NAME=PATH`). `key` is where
    the state_dict stands in it. `network`, if given, is the architecture it belongs to: with
    `--scale-steps` below 1 and no such file, that network with random weights stands in.
    """

    file: str
    key: str = ""
    network: str | None = None


class Prune(Fields):
    """Iterative pruning: `events` prunings with equal fine-tuning between them, towards `final` widths.

    `chains` are the rows of convolutions to thin (one list per entry of the class's argument `argument`,
    which receives the widths). Stops, and keeps the last good network, when PSNR on the validation pairs
    falls more than `max_drop_db` below that before the first pruning.
    """

    argument: str
    chains: tuple[tuple[str, ...], ...]
    final: tuple[int, ...]
    events: int = Field(ge=1)
    max_drop_db: float = Field(gt=0)

    @model_validator(mode="after")
    def _one_width_per_chain(self) -> Prune:
        if len(self.chains) != len(self.final):
            raise ValueError(f"'final' has {len(self.final)} widths for {len(self.chains)} chains")
        return self


class Stage(Fields):
    """One stage of training. Sizes are those of the high-resolution patch; `batch` is over all devices.

    `start` is "previous", "scratch", or the name of a stage; `pick` says which of its checkpoints. `fold`
    folds re-parameterised convolutions before the stage and trains plain ones: name the arguments that
    brought them in `without`. `args`, `imports` change the network for this stage and after `without`.
    `drops` names modules of the starting weights to leave out; `joins` those that the starting weights lack,
    with how their parameters start: as the class leaves them ("keep"), zero, or as an identity convolution
    ("identity").
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
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
    args: dict[str, Any] = {}
    imports: dict[str, str] = {}
    drops: tuple[str, ...] = ()
    joins: dict[str, Literal["keep", "zeros", "identity"]] = {}
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

    def total_steps(self, images: int) -> int:
        """Optimiser steps of this stage on a data set of `images` images."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        least = 1 if self.prune is None else self.prune.events + 1
        return max(math.ceil(images * self.epochs / self.batch), least)


class Recipe(Fields):
    """A whole training, of `submission`; `results` names checkpoints and their stages."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.+-]+$")
    submission: str = ""
    results: dict[str, str] = Field(min_length=1)
    scale: int = Field(default=4, ge=1)
    seed: int = Field(default=0, ge=0)
    validate_every: int = Field(default=5000, ge=1)
    save_every: int = Field(default=1000, ge=1)
    networks: dict[str, Network] = Field(min_length=1)
    stages: tuple[Stage, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_agree(self) -> Recipe:
        seen: list[str] = []
        for stage in self.stages:
            self._names_of_stage(stage, seen)
            if stage.hr_patch % self.scale:
                raise ValueError(
                    f"stages.{stage.name}.hr_patch: {stage.hr_patch} is no multiple of the scale"
                )
            if stage.name in seen:
                raise ValueError(f"stages: two are called {stage.name!r}")
            seen.append(stage.name)
        for name, stage_name in self.results.items():
            _known(stage_name, seen, f"results.{name}")
        return self

    def _names_of_stage(self, stage: Stage, earlier: list[str]) -> None:
        field = f"stages.{stage.name}"
        _known(stage.network, self.networks, f"{field}.network")
        if stage.start not in ("previous", "scratch"):
            _known(stage.start, earlier, f"{field}.start")
        if stage.distil is not None and stage.distil.network is not None:
            trained = {other.network for other in self.stages if other.name in earlier}
            _known(stage.distil.network, trained, f"{field}.distil.network")
        if stage.warm_start is not None and stage.warm_start.network is not None:
            _known(stage.warm_start.network, self.networks, f"{field}.warm_start.network")
        given = [other.imports for other in self.stages if other.network == stage.network]
        for name in stage.without:
            _known(name, {*self.networks[stage.network].imports, *chain(*given)}, f"{field}.without")

    def named_weights(self) -> list[str]:
        """What checkpoints given on the command line are called: of warm starts, and of teachers."""
        warm = {stage.warm_start.file for stage in self.stages if stage.warm_start is not None}
        teachers = {
            teacher_weights(stage.distil.submission)
            for stage in self.stages
            if stage.distil is not None and stage.distil.submission is not None
        }
        return sorted(warm | teachers)

    def unrolled(self) -> tuple[Stage, ...]:
        """The stages in order, each repeated one with its number: `wide_1`, `wide_2`, ..."""
        stages: list[Stage] = []
        for stage in self.stages:
            if stage.repeat == 1:
                stages.append(stage)
                continue
            once = {"repeat": 1}
            for number in range(1, stage.repeat + 1):
                later = (
                    {}
                    if number == 1
                    else {"start": "previous", "fold": False, "drops": (), "joins": {}, "warm_start": None}
                )
                stages.append(stage.model_copy(update={**once, **later, "name": f"{stage.name}_{number}"}))
        return tuple(stages)


def teacher_weights(submission: str) -> str:
    """What the checkpoint of a submission that teaches is called on the command line."""
    return f"teacher_{submission}"


def _known(name: str, names: Any, field: str) -> None:
    if name not in names:
        raise ValueError(
            f"{field}: unknown {name!r}, expected one of {', '.join(sorted(names)) or 'nothing yet'}"
        )


def load(path: Path) -> Recipe:
    """The recipe at `path`. Raises InputError naming the file and every wrong field."""
    return tomlfile.load(Recipe, path)


def scaled(recipe: Recipe, steps: float, batch: float, patch: float) -> Recipe:
    """`recipe` in small: steps (epochs, milestones), batch and patch times these factors, 0 < factor <= 1.

    The structure stays: every stage keeps at least one step (a pruning stage one per pruning and one
    before), a batch at least two patches, a patch at least 72 pixels (18 low-resolution ones, which is what
    every network here can take), and larger patches stay larger. Raises InputError for another factor.
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


SMALLEST_PATCH = 72


def _scaled_stage(stage: Stage, scale: int, steps: float, batch: float, patch: float) -> Stage:
    minimum = 1 if stage.prune is None else stage.prune.events + 1
    length: dict[str, Any] = {}
    if stage.steps is not None:
        length["steps"] = max(math.ceil(stage.steps * steps), minimum)
    if stage.epochs is not None:
        # fewer patches a step would lengthen an epoch: the number of steps is what is scaled
        length["epochs"] = stage.epochs * steps * (max(round(stage.batch * batch), 2) / stage.batch)
    at = tuple(max(math.ceil(milestone * steps), 1) for milestone in stage.schedule.at)
    hr_patch = (
        stage.hr_patch if patch == 1 else max(round(stage.hr_patch * patch / scale) * scale, SMALLEST_PATCH)
    )
    return stage.model_copy(
        update={
            **length,
            "batch": stage.batch if batch == 1 else max(round(stage.batch * batch), 2),
            "hr_patch": hr_patch,
            "schedule": stage.schedule.model_copy(
                update={"at": at, "warmup": math.ceil(stage.schedule.warmup * steps)}
            ),
        }
    )
