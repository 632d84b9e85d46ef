"""One stage of a run: its steps, with validation, pruning and saving between them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from data.types import Image
from train.context import RunContext
from train.errors import AgreedError
from train.patches import Batch, BatchShare, PatchPlan, loader
from train.saving import write_network, write_tensors
from train.schema.stage import Stage
from train.stages.preparation import prepare
from train.stages.trainee import Trainee

NOT_YET = float("nan")  # a figure that nothing has been measured for


@dataclass
class Figures:
    """What a stage has reached: the last loss, the last and the best PSNR, and the time it took."""

    loss: float = NOT_YET
    psnr_db: float = NOT_YET
    psnr_y_db: float = NOT_YET
    best_db: float = -math.inf
    seconds: float = 0.0

    def saved(self) -> list[float]:
        """The figures as `state.pt` holds them."""
        return [self.loss, self.psnr_db, self.psnr_y_db, self.best_db, self.seconds]


class StageRun:
    """One stage of a run, from its start or from the step that `state.pt` holds."""

    def __init__(self, context: RunContext, stage: Stage, number: int, folder: Path, offset: int) -> None:
        self.context, self.stage, self.folder, self.offset = context, stage, folder, offset
        self.number, self.agreement, self.reporter = number, context.agreement, context.reporter
        seed = context.recipe.seed * 1000 + number
        start = self.agreement.in_all(lambda: prepare(context, stage, number, seed))
        self.store, self.steps, self.notes, self.teacher = (
            start.store,
            start.steps,
            start.notes,
            start.teacher,
        )
        self.validation, self.pruner, self.seed = start.validation, start.pruner, seed
        self.trainee = Trainee(context.fabric, stage, start.plan, start.state, seed)
        self.first, self.figures = 0, Figures()
        if start.saved is not None:
            self._restore(start.saved)

    def _restore(self, saved: dict[str, Any]) -> None:
        self.first, self.notes = saved["step"], saved["notes"]
        self.trainee.load_state_dict(saved["trainee"])
        if self.pruner is not None:
            self.pruner.load_state_dict(saved["pruner"])
        self.figures = Figures(*saved["figures"])

    def run(self) -> dict[str, Any]:
        """Train to the end of the stage and write its checkpoints. Returns the row for `done.json`."""
        self.agreement.in_first(self._announce)
        batches = self._batches()
        began = time.monotonic() - self.figures.seconds
        for step in range(self.first, self.steps):
            if self.pruner is not None and self.pruner.due(step):
                self._prune(step)
            loss = self._loss(step, batches)
            rate = self.trainee.step(step, self.steps, loss)
            self.figures.seconds = time.monotonic() - began
            self._after_step(step + 1, rate)
        self._end()
        return self._row()

    def _announce(self) -> None:
        if self.reporter is not None:
            self.reporter.stage_begins(self.stage.name, self.steps, self.first, self.offset)
            for text in self.store.notes:
                self.reporter.note(text)

    def _batches(self) -> Iterator[Batch]:
        stage, fabric = self.stage, self.context.fabric
        plan = PatchPlan(stage.hr_patch // self.store.scale, self.seed, stage.flips, stage.rotations)
        share = BatchShare(stage.batch, fabric.global_rank, fabric.world_size)
        workers = self.context.options.workers
        return loader(self.store, plan, share, first_step=self.first, steps=self.steps, workers=workers)

    def _loss(self, step: int, batches: Iterator[Batch]) -> Tensor:
        """The loss of the next batch. All processes refuse it together if it is no number in one of them."""
        batch = self.agreement.in_all(lambda: next(batches))
        loss = self.agreement.in_all(lambda: self.trainee.loss(step, batch, self.teacher))
        self.figures.loss = self.agreement.mean(loss.detach())
        if not math.isfinite(self.figures.loss):
            raise AgreedError(
                f"stages.{self.stage.name}: the loss is {self.figures.loss} at step {step}; "
                "a lower lr or clip_norm in the recipe may help"
            )
        return loss

    def _refuse_broken(self, step: int) -> None:
        """Refuse parameters that are no numbers, before they are written over good ones.

        A gradient can be no number although the loss is one. All processes have the same parameters.
        """
        if not self.trainee.is_finite():
            raise AgreedError(
                f"stages.{self.stage.name}: parameters are not finite after step {step - 1}; "
                "a lower lr or clip_norm in the recipe may help"
            )

    def _after_step(self, done: int, rate: float) -> None:
        """Validate, report and save when `done` steps of the stage are due for it."""
        last = done == self.steps
        recipe = self.context.recipe
        validates, saves = last or done % recipe.validate_every == 0, done % recipe.save_every == 0
        if validates or saves:
            self._refuse_broken(done)
        if validates:
            self._validate(done)
        self.agreement.in_first(lambda: self._report(done, rate))
        if saves and not last:
            self.agreement.in_first(lambda: self._save(done))

    def _report(self, done: int, rate: float) -> None:
        if self.reporter is not None:
            self.reporter.step_done(done, self.figures.loss, rate, self.stage.batch)

    def _validate(self, done: int) -> None:
        """Measure the network. Every process takes its share of the images, and all know the result."""
        fabric, trainee = self.context.fabric, self.trainee
        scores, sample = self.agreement.in_all(
            lambda: self.validation.scores(
                trainee.result_model(),
                trainee.plan.training_range,
                fabric.device,
                rank=fabric.global_rank,
                world=fabric.world_size,
            )
        )
        means = self.agreement.total(scores).mean(axis=0)
        self.figures.psnr_db, self.figures.psnr_y_db = float(means[0]), float(means[1])
        self.agreement.in_first(lambda: self._keep(done, sample))

    def _keep(self, done: int, sample: Image | None) -> None:
        """Report a validation, and keep the network if it is the best so far."""
        figures = self.figures
        if self.reporter is not None and sample is not None:
            self.reporter.validated(done, figures.psnr_db, figures.psnr_y_db, sample)
        if figures.psnr_db > figures.best_db:
            figures.best_db = figures.psnr_db
            write_network(self.folder / "best.pth", self.trainee.plan, self.trainee.result())

    def _prune(self, step: int) -> None:
        assert self.pruner is not None
        self._validate(step)
        state = self.trainee.result()
        if not self.pruner.judge(self.trainee.plan, state, self.figures.psnr_db):
            self._go_back(step)
            return
        self.trainee.adopt(*self.pruner.pruned(self.trainee.plan, state))
        self.context.note(f"pruned before step {step}: {self.trainee.plan.args[self.pruner.spec.argument]}")

    def _go_back(self, step: int) -> None:
        assert self.pruner is not None and self.pruner.good is not None
        self.trainee.adopt(*self.pruner.good)
        text = (
            f"stage {self.stage.name}: pruning stopped at step {step}: {self.figures.psnr_db:.3f} dB is more "
            f"than {self.pruner.spec.max_drop_db} below {self.pruner.baseline_db:.3f}; went back"
        )
        self.notes.append(text)
        self.context.note(text)

    def _end(self) -> None:
        if self.pruner is not None and not self.pruner.stopped:
            state = self.trainee.result()
            if not self.pruner.judge(self.trainee.plan, state, self.figures.psnr_db):
                self._go_back(self.steps)
                self._validate(self.steps)
        self.agreement.in_first(self._write_result)

    def _write_result(self) -> None:
        result = self.trainee.result()
        write_network(self.folder / "last.pth", self.trainee.plan, result)
        if self.pruner is not None or not (self.folder / "best.pth").is_file():
            write_network(self.folder / "best.pth", self.trainee.plan, result)

    def _row(self) -> dict[str, Any]:
        return {
            "name": self.stage.name,
            "network": self.stage.network,
            "steps": self.steps,
            "batch": self.stage.batch,
            "hr_patch": self.stage.hr_patch,
            "loss": self.figures.loss,
            "psnr_db": self.figures.psnr_db,
            "psnr_y_db": self.figures.psnr_y_db,
            "best_db": self.figures.best_db,
            "seconds": self.figures.seconds,
            "images": len(self.store),
            "validation": self.validation.label,
            "args": self.trainee.plan.args,
            "notes": self.notes,
        }

    def _save(self, step: int) -> None:
        write_tensors(
            self.context.options.out / "state.pt",
            {
                "stage": self.number,
                "step": step,
                "trainee": self.trainee.state_dict(),
                "pruner": None if self.pruner is None else self.pruner.state_dict(),
                "figures": self.figures.saved(),
                "notes": self.notes,
            },
        )
