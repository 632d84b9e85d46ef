"""`python -m eval.verify --reproduce`: each submission run again under switches, and what its output depends on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from data.text import without_controls
from eval.cli.chosen import chosen_submissions
from eval.cli.planning import announce, build_plan
from eval.cli.printing import error_console, table_console
from eval.failures import SubmissionFailed
from eval.harness import resume
from eval.harness.plan import Plan
from eval.harness.reruns.compare import rerun
from eval.records.schema import Record, json_number
from eval.reproduction.findings import CHOSEN, RerunFinding, Reruns
from eval.submissions.submission import Submission, hashed


def reproduce(options: argparse.Namespace, kinds: Sequence[str], first: int | None, *, as_json: bool) -> int:
    """Run the chosen submissions again; prints what was found. 1 if one is not reproducible or failed, else 0.

    kinds: of reruns, empty for all. first: how many images of each split, None for all.
    """
    chosen = chosen_submissions(options)
    plan = build_plan(options)
    announce(plan, error_console())
    records = resume.evaluated(options.save_dir)
    done = [_of_one(one, plan, records, kinds or _by_default(plan), first) for one in chosen]
    if as_json:
        print(json.dumps([_plain(model, one) for model, one in done], indent=1))
    else:
        for model, one in done:
            _show(model, one)
    return 0 if all(isinstance(one, Reruns) and one.reproducible for _, one in done) else 1


def _by_default(plan: Plan) -> list[str]:
    """All kinds; TF32 exists on CUDA only."""
    return [kind for kind in CHOSEN if kind != "tf32" or plan.setup.gpu is not None]


def _of_one(
    one: Submission, plan: Plan, records: Mapping[str, Record], kinds: Sequence[str], first: int | None
) -> tuple[str, Reruns | str]:
    """What was found, or why it failed, by model. One that fails does not end the others.

    records: of evaluations, by key; the first run ought to repeat the images of an equal one.
    """
    one, _ = hashed(one)

    def say(what: str) -> None:
        error_console().print(f"{one.model}: {what}", markup=False, highlight=False)

    try:
        return one.model, rerun(one, plan, kinds, records.get(resume.job_key(one, plan)), say, first)
    except SubmissionFailed as failure:
        return one.model, str(failure)


def _plain(model: str, one: Reruns | str) -> dict[str, Any]:
    if isinstance(one, str):
        return {"model": model, "reproducible": None, "error": one, "depends_on": [], "runs": []}
    runs = [_row(finding) for finding in one.found]
    runs += [{**_row(finding), "run": f"{finding.run}, with a seed"} for finding in one.seeded]
    return {
        "model": model,
        "reproducible": one.reproducible,
        "error": None,
        "depends_on": one.causes(),
        "runs": runs,
    }


def _row(one: RerunFinding) -> dict[str, Any]:
    found = one.difference
    return {
        "kind": one.kind,
        "run": one.run,
        "verdict": one.verdict,
        "largest": None if found is None else found.largest,
        "share": None if found is None else found.share,
        "psnr_db": None if found is None else json_number(found.psnr_db),
        "image": one.image,
        "reason": one.reason,
    }


def _show(model: str, one: Reruns | str) -> None:
    console = table_console()
    if isinstance(one, str):
        console.print(without_controls(f"{model}: failed: {one}"), markup=False)
        return
    table = Table(title=f"{model}: run again")
    for title in ("Run", "Verdict", "Largest", "Pixels", "PSNR between", "Worst image", "Remarks"):
        table.add_column(title, overflow="fold")
    for row in _plain(model, one)["runs"]:
        known = row["largest"] is not None
        cells = (
            row["run"],
            row["verdict"],
            str(row["largest"]) if known else "–",
            f"{100 * row['share']:.4g} %" if known else "–",
            f"{row['psnr_db']:.2f} dB" if isinstance(row["psnr_db"], float) else "–",
            row["image"],
            row["reason"],
        )
        table.add_row(*(without_controls(cell) for cell in cells))
    console.print(table, markup=False)
    for cause in one.causes():
        console.print(f"{model}: its output depends on {cause}", markup=False, highlight=False)
    if not one.causes():
        rounding = any(finding.verdict == "rounding" for finding in one.found)
        what = (
            "but for rounding, all runs give the same pixels" if rounding else "all runs give the same pixels"
        )
        console.print(f"{model}: {what}", markup=False, highlight=False)
