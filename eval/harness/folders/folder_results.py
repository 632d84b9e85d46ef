"""Submissions that give folders of images: handed in as results, or made by a program that is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eval.harness.findings import Findings, Shared
from eval.harness.folders import folder_program
from eval.harness.scoring import image_folder
from eval.records.schema import Complexity
from eval.submissions.repository import select_model
from eval.submissions.submission import Submission


def score_images(results: Path, shared: Shared, findings: Findings) -> None:
    """Score a folder of results: no worker, no runtime, no complexity."""
    splits, scale = shared.plan.dataset.modes, shared.plan.challenge.scale
    for split, folder in image_folder.mode_folders(results, splits).items():
        found = image_folder.find_images(folder, splits[split], scale)
        findings.flags += image_folder.surplus_flags(split, found)
        findings.modes[split] = image_folder.score_folder(
            findings.model, split, found, splits[split], scale,
            shared.pool, shared.pictures, shared.reporter,
        )  # fmt: skip


def run_program(submission: Submission, shared: Shared, findings: Findings) -> None:
    """Run a program once per split, each time in a worker of its own, and score the images that it wrote."""
    scale = shared.plan.challenge.scale
    setup = replace(shared.plan.setup, printed=findings.hear)
    for split, pairs in shared.plan.dataset.modes.items():
        shared.reporter.stage(findings.model, f"{split}: its program runs on {len(pairs)} images")
        with folder_program.run_folders(pairs) as where:
            name, ran = folder_program.call_program(submission, setup, where, len(pairs))
            findings.model = select_model.results_key(name, int(submission.info.model_id))
            found = image_folder.find_images(where.output, pairs, scale)
            result = image_folder.score_folder(
                findings.model, split, found, pairs, scale,
                shared.pool, shared.pictures, shared.reporter,
            )  # fmt: skip
        findings.modes[split] = folder_program.timed(result, ran)
        findings.flags += folder_program.flags(split, ran, len(pairs))
        findings.flags += image_folder.surplus_flags(split, found)
        if ran.parameters:
            findings.complexity = Complexity(params_m=ran.parameters / 1e6, established=False)
