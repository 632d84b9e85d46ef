"""The parts of a recipe's stage: losses, networks, optimisers, schedules, teachers, starting weights, pruning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LossName = Literal["l1", "l2", "charbonnier", "psnr", "gradient_weighted"]
# The options of each loss are keyword arguments in train/losses.py. They are repeated here because reading that
# module needs torch, and a wrong recipe is reported before torch is loaded. A test compares the two.
LOSS_OPTIONS: dict[str, set[str]] = {
    "l1": set(),
    "l2": set(),
    "charbonnier": {"eps"},
    "psnr": {"eps"},
    "gradient_weighted": {"alpha"},
}
RECIPE_NAME = r"^[A-Za-z0-9_.+-]+$"
STAGE_NAME = r"^[a-z0-9_]+$"
IMPORT_PATH = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


class RecipePart(BaseModel):
    """Base of every table in a recipe. Unknown fields are refused; values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Loss(RecipePart):
    """One summand of a loss: `weight` times the loss `name`, with that loss's own `options`."""

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


class Network(RecipePart):
    """A network, given by `submission` or by `class`.

    `submission` is an id in models/; its manifest gives class, arguments and data range. `args` add to the
    manifest's arguments or replace them. `imports` are arguments given as "module:name", for example a
    convolution factory. `data_range` is 1.0 or 255.0, the upper end of the network's input and output.
    `unit_range` names the first and the last convolution. It trains the network on 0..1 whatever its data range:
    checkpoints are converted when they are read and written, which changes no output.
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


class Optimizer(RecipePart):
    """Adam or AdamW."""

    name: Literal["adam", "adamw"] = "adam"
    lr: float = Field(gt=0)
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)


class Schedule(RecipePart):
    """The learning rate over a stage.

    `cosine` falls to `lr_min`; `halving` halves at the steps `at`; `constant` stays. Each of them first rises
    over `warmup` steps.
    """

    name: Literal["constant", "cosine", "halving"] = "constant"
    lr_min: float = Field(default=0.0, ge=0)
    at: tuple[int, ...] = ()
    warmup: int = Field(default=0, ge=0)


class Distil(RecipePart):
    """Output distillation: `losses` to the output of a teacher, added to the stage's own losses.

    The teacher is a `network` of this recipe, as its last stage left it, or a `submission` with its checkpoint in
    model_zoo/ or at `checkpoint`.
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


class WarmStart(RecipePart):
    """Starting weights from a checkpoint of this or another architecture.

    `file` is a path, or a name for `--weights NAME=PATH`. `key` is the place of the state_dict in the file.
    `network` is the architecture of the file. If the file is missing and `--scale-steps` is below 1, that
    network with random weights stands in.
    """

    file: str
    key: str = ""
    network: str | None = None


class Prune(RecipePart):
    """Iterative pruning: `events` prunings with equal fine-tuning between them, towards `final` widths.

    `chains` are rows of convolutions, one list for each entry of the class's argument `argument`, which receives
    the widths. Pruning stops if the PSNR on the validation pairs falls more than `max_drop_db` below its value
    before the first pruning. The last good network is then kept.
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
