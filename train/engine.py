"""Runs a recipe, stage after stage, on one device or many. A killed run goes on exactly where it stopped.

Files below --out: `recipe.json` (the recipe as run), `state.pt` (the stage under way), `stages/NN_NAME/` with
`last.pth`, `best.pth` and `done.json` for each finished stage, `history.jsonl`, `tensorboard/`, and at the end
`NAME.pth` for each result (its state_dict, folded) and `summary.md`.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric

from data.errors import InputError
from train.agreement import Agreement
from train.context import Options, RunContext
from train.networks import State, to_data_range
from train.report import RunReporter, run_summary
from train.saving import read_json, read_network, read_tensors, write_bytes, write_json, write_tensors
from train.schema.recipe import Recipe
from train.stages.stage_run import StageRun
from train.stages.start import folded

DONE = "done.json"  # in a stage's folder: the stage has ended, and these are its figures


class Run:
    """One run of a recipe. Every process does the same; the first one writes the files and the lines."""

    def __init__(self, fabric: Fabric, recipe: Recipe, options: Options) -> None:
        self.fabric, self.recipe, self.options = fabric, recipe, options
        self.stages = recipe.unrolled()
        self.rows: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.agreement = Agreement(fabric)
        self.agreement.in_first(self._claim)
        reporter = RunReporter(options.out) if fabric.is_global_zero else None
        self.context = RunContext(fabric, recipe, options, self.agreement, reporter)

    def __call__(self) -> list[dict[str, Any]]:
        """Run the stages that are not done. Returns the content of each `done.json`."""
        offset = 0
        for number, stage in enumerate(self.stages):
            folder = self._folder(number)
            done = folder / DONE
            wanted = self.options.only in (None, stage.name)
            if wanted and not done.is_file():
                row = StageRun(self.context, stage, number, folder, offset).run()
                self.agreement.in_first(partial(self._stage_ends, done, row))
            if not done.is_file():
                continue
            row = self.agreement.in_all(partial(read_json, done))
            self.context.finished.add(stage, folder)
            self.rows.append(row)
            self.notes += row["notes"]
            offset += row["steps"]
        if len(self.rows) == len(self.stages):
            self.agreement.in_first(self._finish)
        return self.rows

    def _folder(self, number: int) -> Path:
        return self.options.out / "stages" / f"{number:02}_{self.stages[number].name}"

    def _stage_ends(self, done: Path, row: dict[str, Any]) -> None:
        write_json(done, row)
        (self.options.out / "state.pt").unlink(missing_ok=True)

    def _claim(self) -> None:
        """Refuse a folder that another run uses, unless this run goes on with the same recipe."""
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
        """Refuse a single stage before all earlier ones are done, even if it starts from none of them.

        A stage looks for its starting weights and its teacher among the finished stages, and `history.jsonl`
        counts the steps of all stages in order.
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
        written, finished = [], self.context.finished
        for name, stage in self.recipe.results.items():
            plan, state = read_network(finished.folders[finished.called(stage)[-1]] / "last.pth")
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
        text = run_summary(self.recipe, self.rows, facts, self.notes)
        write_bytes(self.options.out / "summary.md", text.encode())
        self.context.note(f"wrote {', '.join(written)} and summary.md to {self.options.out}")


def train(
    recipe: Recipe, options: Options, devices: int = 1, nodes: int = 1, accelerator: str = "auto"
) -> dict[str, State]:
    """Run `recipe`. Returns the folded parameters of its results if all stages are done, else nothing.

    `devices` are per node. Under torchrun or SLURM the processes that those started are used. Raises InputError.
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
