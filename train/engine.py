"""Runs a recipe: stage after stage, on one device or many, and goes on exactly where a killed run stopped.

Below --out: `recipe.json` (as run), `state.pt` (the stage under way), `stages/NN_NAME/` with `last.pth`,
`best.pth` and `done.json` per finished stage, `history.jsonl`, `tensorboard/`, and at the end `NAME.pth`
(each result's state_dict, folded) and `summary.md`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor

from data.errors import InputError
from data.stores import PairStore, open_store
from train.distill import Teacher
from train.networks import State, to_data_range
from train.patches import PatchPlan, Share, loader
from train.report import Reporter, summary
from train.saving import (
    read_json,
    read_network,
    read_tensors,
    write_bytes,
    write_json,
    write_network,
    write_tensors,
)
from train.schema.recipe import Recipe, Stage
from train.stages.prune_channels import check_chains
from train.stages.prune_stage import Pruner
from train.stages.start import Finished, Origins, folded, starting_network, teacher_for
from train.stages.trainee import Trainee
from train.stages.validation import Quality, ValidationSet, folder_pairs, training_patches

DONE = "done.json"  # in a stage's folder: it ended, and these are its figures


@dataclass(frozen=True)
class Options:
    """How and where a recipe runs; `only` names the one stage to run. `val` are an HR and an LR folder."""

    data: Path
    out: Path
    val: tuple[Path, Path] | None = None
    only: str | None = None
    resume: bool = False
    workers: int = 2
    origins: Origins = field(default_factory=Origins)
    facts: dict[str, str] = field(default_factory=dict)


class Run:
    """One run of a recipe. Every process of it does the same; files and lines come from the first one."""

    def __init__(self, fabric: Fabric, recipe: Recipe, options: Options) -> None:
        self.fabric, self.recipe, self.options = fabric, recipe, options
        self.stages = recipe.unrolled()
        self.finished = Finished()
        self.notes: list[str] = []
        self.rows: list[dict[str, Any]] = []
        self._agree(self._claim)
        self.reporter = Reporter(options.out) if fabric.is_global_zero else None

    def __call__(self) -> list[dict[str, Any]]:
        """Run the stages that are not done; what `done.json` says of each."""
        offset = 0
        for number, stage in enumerate(self.stages):
            folder = self._folder(number)
            done = folder / DONE
            wanted = self.options.only in (None, stage.name)
            if wanted and not done.is_file():
                StageRun(self, stage, number, folder, offset).run()
                self.fabric.barrier()
            if not done.is_file():
                continue
            row = read_json(done)
            self.finished.add(stage, folder)
            self.rows.append(row)
            self.notes += row["notes"]
            offset += row["steps"]
        if len(self.rows) == len(self.stages):
            self._agree(self._finish)
        return self.rows

    def _folder(self, number: int) -> Path:
        return self.options.out / "stages" / f"{number:02}_{self.stages[number].name}"

    def note(self, text: str) -> None:
        """A line from the first process."""
        if self.reporter is not None:
            self.reporter.note(text)

    def _agree(self, action: Any) -> None:
        """Run `action` in the first process; its InputError is raised in all, so that none waits for ever."""
        problem = ""
        if self.fabric.is_global_zero:
            try:
                action()
            except InputError as error:
                problem = str(error)
        problem = self.fabric.broadcast(problem)
        if problem:
            raise InputError(problem)

    def _claim(self) -> None:
        """Refuse a folder in use by another run, unless this is to go on with the same recipe."""
        out, recipe = self.options.out, self.recipe.model_dump(mode="json", by_alias=True)
        if self.options.only is not None:
            self._refuse_gaps(self.options.only)
        written = out / "recipe.json"
        if not written.is_file():
            if out.is_dir() and any(out.iterdir()):
                raise InputError(f"--out {out}: not empty; expected a new folder, or a run with --resume")
            write_json(written, recipe)
            return
        if not self.options.resume and self.options.only is None:
            raise InputError(f"--out {out}: holds a run; give --resume to go on with it, or another folder")
        if read_json(written) != json.loads(json.dumps(recipe)):
            raise InputError(f"{written}: is of another recipe or scale; expected the same to go on with it")

    def _refuse_gaps(self, wanted: str) -> None:
        """Refuse a stage alone before all earlier ones are done, also where it starts from none of them.

        What it starts from and who teaches it is looked for among the finished ones, and the steps in
        `history.jsonl` are counted through all stages in order.
        """
        names = [stage.name for stage in self.stages]
        if wanted not in names:
            raise InputError(f"--stage {wanted}: unknown, expected one of {', '.join(names)}")
        for number in range(names.index(wanted)):
            if not (self._folder(number) / DONE).is_file():
                raise InputError(
                    f"--stage {wanted}: stage {names[number]} is not done in {self.options.out}; "
                    "expected those before it done (without --stage all are run in order)"
                )

    def _finish(self) -> None:
        """Write the checkpoints, folded, and the summary."""
        written = []
        for name, stage in self.recipe.results.items():
            plan, state = read_network(self.finished.folders[self.finished.called(stage)[-1]] / "last.pth")
            write_tensors(self.options.out / f"{name}.pth", to_data_range(plan, folded(plan, state)))
            written.append(f"`{name}.pth` ({plan.class_path}, arguments {plan.args or 'as they default'})")
        facts = {
            "Data": str(self.options.data),
            "Validation": self.rows[-1]["validation"],
            "Devices": f"{self.fabric.world_size} x {self.fabric.device.type}",
            **self.options.facts,
            "Checkpoints": "; ".join(written),
            "Recipe": f"{self.recipe.name}, seed {self.recipe.seed}, in full in `recipe.json`",
        }
        text = summary(self.recipe, self.rows, facts, self.notes)
        write_bytes(self.options.out / "summary.md", text.encode())
        self.note(f"wrote {', '.join(written)} and summary.md to {self.options.out}")


class StageRun:
    """One stage of a run, from its start or from where `state.pt` says it was."""

    def __init__(self, run: Run, stage: Stage, number: int, folder: Path, offset: int) -> None:
        self.owner, self.stage, self.folder, self.offset = run, stage, folder, offset
        self.fabric, self.reporter = run.fabric, run.reporter
        self.number, self.seed = number, run.recipe.seed * 1000 + number
        if stage.batch % self.fabric.world_size:
            raise InputError(
                f"stages.{stage.name}.batch: {stage.batch} patches cannot be shared by "
                f"{self.fabric.world_size} devices; expected a multiple"
            )
        self.store = open_store(run.options.data, stage.data, run.recipe.scale)
        self.steps = stage.total_steps(len(self.store))
        self.first = 0
        self.loss = self.psnr_db = self.psnr_y_db = float("nan")
        self.best_db = -math.inf
        self.seconds = 0.0
        plan, state, self.notes = starting_network(
            run.recipe, stage, run.finished, run.options.origins, self.seed
        )
        self.notes = [*self.notes, *(f"stage {stage.name}: {text}" for text in self.store.notes)]
        if stage.prune is not None:
            check_chains(state, stage.prune.chains, stage.prune.final, f"stages.{stage.name}.prune")
        self.trainee = Trainee(self.fabric, stage, plan, state, self.seed)
        self.teacher: Teacher | None = teacher_for(
            stage, run.finished, run.options.origins, self.fabric.device
        )
        self._try_patch()
        self.pruner = None if stage.prune is None else Pruner(stage.prune, self.steps)
        self.validation = self._validation(self.store)
        self._restore()

    def run(self) -> None:
        """Train to the end of the stage and write its checkpoints."""
        if self.reporter is not None:
            self.reporter.stage_begins(self.stage.name, self.steps, self.first, self.offset)
            for text in self.store.notes:
                self.owner.note(text)
        batches = self._batches(self.first)
        began = time.monotonic() - self.seconds
        for step in range(self.first, self.steps):
            if self.pruner is not None and self.pruner.due(step):
                self._prune(step)
            loss, rate = self.trainee.step(step, self.steps, next(batches), self.teacher)
            self.seconds = time.monotonic() - began
            self._report(step, loss, rate)
            last = step + 1 == self.steps
            if last or (step + 1) % self.owner.recipe.validate_every == 0:
                self._validate(step + 1)
            if not last and (step + 1) % self.owner.recipe.save_every == 0:
                self._save(step + 1)
        self._end()

    @torch.no_grad()
    def _try_patch(self) -> None:
        """Refuse a network that does not take this stage's patches, or that has another scale."""
        plan, high, scale = self.trainee.plan, self.stage.hr_patch, self.store.scale
        low = high // scale
        patch = torch.zeros(1, 3, low, low, device=self.fabric.device)
        try:
            made = tuple(self.trainee.result_model().eval()(patch).shape)
        except RuntimeError as error:
            raise InputError(
                f"stages.{self.stage.name}.hr_patch: {high}: {plan.class_path} takes no patches of "
                f"{low}x{low} low-resolution pixels: {str(error).splitlines()[0]}"
            ) from None
        if made != (1, 3, high, high):
            raise InputError(
                f"scale: {scale}: {plan.class_path} makes {made[2]}x{made[3]} pixels of {low}x{low}; "
                f"expected {high}x{high}"
            )

    def _batches(self, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        stage = self.stage
        plan = PatchPlan(stage.hr_patch // self.store.scale, self.seed, stage.flips, stage.rotations)
        share = Share(stage.batch, self.fabric.global_rank, self.fabric.world_size)
        return loader(
            self.store, plan, share, first_step=first, steps=self.steps, workers=self.owner.options.workers
        )

    def _report(self, step: int, loss: Tensor, rate: float) -> None:
        self.loss = float(loss)
        if not math.isfinite(self.loss):
            raise InputError(
                f"stages.{self.stage.name}: the loss is {self.loss} at step {step}; "
                "a lower lr or clip_norm in the recipe may help"
            )
        if self.reporter is not None:
            self.reporter.step_done(step, self.loss, rate, self.stage.batch)

    def _validation(self, store: PairStore) -> ValidationSet:
        if self.owner.options.val is None:
            return training_patches(store, self.stage.hr_patch // store.scale, self.seed)
        return folder_pairs(*self.owner.options.val, store.scale)

    def _measure(self) -> Quality:
        return self.validation.measure(
            self.trainee.result_model(), self.trainee.plan.training_range, self.fabric.device
        )

    def _validate(self, step: int) -> None:
        """Measured by the first process; the others hear of it, for pruning must go the same way in all."""
        quality = self._measure() if self.reporter is not None else None
        values = (math.nan, math.nan) if quality is None else (quality.psnr_db, quality.psnr_y_db)
        self.psnr_db, self.psnr_y_db = self.fabric.broadcast(values)
        if self.reporter is None or quality is None:
            return
        self.reporter.validated(step, self.psnr_db, self.psnr_y_db, quality.sample)
        if self.psnr_db > self.best_db:
            self.best_db = self.psnr_db
            write_network(self.folder / "best.pth", self.trainee.plan, self.trainee.result())

    def _prune(self, step: int) -> None:
        assert self.pruner is not None
        self._validate(step)
        state = self.trainee.result()
        if not self.pruner.judge(self.trainee.plan, state, self.psnr_db):
            self._go_back(step)
            return
        self.trainee.adopt(*self.pruner.pruned(self.trainee.plan, state))
        self.owner.note(f"pruned before step {step}: {self.trainee.plan.args[self.pruner.spec.argument]}")

    def _go_back(self, step: int) -> None:
        assert self.pruner is not None and self.pruner.good is not None
        self.trainee.adopt(*self.pruner.good)
        text = (
            f"stage {self.stage.name}: pruning stopped at step {step}: {self.psnr_db:.3f} dB is more than "
            f"{self.pruner.spec.max_drop_db} below {self.pruner.baseline_db:.3f}; went back"
        )
        self.notes.append(text)
        self.owner.note(text)

    def _end(self) -> None:
        if self.pruner is not None and not self.pruner.stopped:
            state = self.trainee.result()
            if not self.pruner.judge(self.trainee.plan, state, self.psnr_db):
                self._go_back(self.steps)
                self._validate(self.steps)
        if self.reporter is not None:
            result = self.trainee.result()
            write_network(self.folder / "last.pth", self.trainee.plan, result)
            if self.pruner is not None or not (self.folder / "best.pth").is_file():
                write_network(self.folder / "best.pth", self.trainee.plan, result)
            write_json(self.folder / DONE, self._row())
            (self.owner.options.out / "state.pt").unlink(missing_ok=True)

    def _row(self) -> dict[str, Any]:
        return {
            "name": self.stage.name,
            "network": self.stage.network,
            "steps": self.steps,
            "batch": self.stage.batch,
            "hr_patch": self.stage.hr_patch,
            "loss": self.loss,
            "psnr_db": self.psnr_db,
            "psnr_y_db": self.psnr_y_db,
            "best_db": self.best_db,
            "seconds": self.seconds,
            "images": len(self.store),
            "validation": self.validation.label,
            "args": self.trainee.plan.args,
            "notes": self.notes,
        }

    def _save(self, step: int) -> None:
        if self.reporter is None:
            return
        write_tensors(
            self.owner.options.out / "state.pt",
            {
                "stage": self.number,
                "step": step,
                "trainee": self.trainee.state_dict(),
                "pruner": None if self.pruner is None else self.pruner.state_dict(),
                "figures": [self.loss, self.psnr_db, self.psnr_y_db, self.best_db, self.seconds],
                "notes": self.notes,
            },
        )

    def _restore(self) -> None:
        path = self.owner.options.out / "state.pt"
        if not path.is_file():
            return
        saved = read_tensors(path)
        if saved["stage"] != self.number:
            return
        self.first, self.notes = saved["step"], saved["notes"]
        self.trainee.load_state_dict(saved["trainee"])
        if self.pruner is not None:
            self.pruner.load_state_dict(saved["pruner"])
        self.loss, self.psnr_db, self.psnr_y_db, self.best_db, self.seconds = saved["figures"]


def train(
    recipe: Recipe, options: Options, devices: int = 1, nodes: int = 1, accelerator: str = "auto"
) -> State:
    """Run `recipe` and return the parameters of its results (folded) when all its stages are done, else {}.

    `devices` per node; under torchrun or SLURM the processes that those started are used. Raises InputError.
    """
    strategy = "ddp" if devices * nodes > 1 else "auto"
    fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy)
    fabric.launch()
    run = Run(fabric, recipe, options)
    rows = run()
    fabric.barrier()
    if len(rows) < len(run.stages):
        return {}
    return {name: read_tensors(options.out / f"{name}.pth") for name in recipe.results}
