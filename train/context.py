"""What every stage of a run needs to know: the recipe, the options, the devices, the stages already done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lightning.fabric import Fabric

from train.agreement import Agreement
from train.report import RunReporter
from train.schema.recipe import Recipe
from train.stages.start import Finished, Origins


@dataclass(frozen=True)
class Options:
    """How and where a recipe runs. `only` names the one stage to run; `val` is an HR and an LR folder."""

    data: Path
    out: Path
    val: tuple[Path, Path] | None = None
    only: str | None = None
    resume: bool = False
    workers: int = 2
    origins: Origins = field(default_factory=Origins)
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunContext:
    """One run of a recipe as its stages see it. Only the first process has a `reporter`."""

    fabric: Fabric
    recipe: Recipe
    options: Options
    agreement: Agreement
    reporter: RunReporter | None
    finished: Finished = field(default_factory=Finished)

    def note(self, text: str) -> None:
        """Print one line, in the first process."""
        if self.reporter is not None:
            self.reporter.note(text)
