"""A recipe: which networks are trained, in which stages, on which data, with which numbers.

A recipe is one TOML file. Networks have names, and each stage trains one of them. A stage starts from the weights
at the end of the last stage of the same network, unless it says otherwise. Its length is given in steps or in
epochs. Comments in the TOML file name the source of each number.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from data.errors import InputError
from data.text import did_you_mean
from eval.tomlfile import read_toml
from train.schema.fields import RECIPE_NAME, Network, RecipePart
from train.schema.messages import problems
from train.schema.stage import Stage


class Recipe(RecipePart):
    """A whole training, of `submission`. `results` gives each checkpoint's name and the stage that makes it."""

    name: str = Field(pattern=RECIPE_NAME)
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
        """The names that `--weights NAME=PATH` takes: those of warm starts, and those of teachers."""
        warm = {stage.warm_start.file for stage in self.stages if stage.warm_start is not None}
        teachers = {
            teacher_weights(stage.distil.submission)
            for stage in self.stages
            if stage.distil is not None and stage.distil.submission is not None
        }
        return sorted(warm | teachers)

    def unrolled(self) -> tuple[Stage, ...]:
        """The stages in order, with every repetition as a stage of its own."""
        return tuple(chain.from_iterable(stage.repetitions() for stage in self.stages))


def teacher_weights(submission: str) -> str:
    """The name that `--weights` uses for the checkpoint of a submission that teaches."""
    return f"teacher_{submission}"


def _known(name: str, names: Any, field: str) -> None:
    if name not in names:
        known = sorted(names)
        expected = ", ".join(known) or "nothing yet"
        raise ValueError(f"{field}: unknown {name!r}, expected one of {expected}{did_you_mean(name, known)}")


def load(path: Path) -> Recipe:
    """The recipe at `path`. Raises InputError that names the file and every wrong field on one line."""
    content = read_toml(path)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {problems(error, Recipe, content)}") from None
