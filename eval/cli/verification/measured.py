"""Records of the chosen submissions: those that SAVE_DIR holds, and new ones for what is missing."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import InputError
from eval.cli.chosen import chosen_submissions
from eval.cli.command import main
from eval.cli.options import parser
from eval.cli.planning import build_plan
from eval.harness import resume
from eval.harness.plan import Plan
from eval.records import store
from eval.records.schema import Record
from eval.submissions.submission import Submission


@dataclass(frozen=True)
class Measured:
    """Chosen submissions with the newest record of each. failed: whether one could not be measured."""

    options: argparse.Namespace
    plan: Plan
    pairs: tuple[tuple[Submission, Record], ...]
    failed: bool


class NotMeasured(Exception):
    """The main command ended without records, and has said why. status: its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def measure_missing(arguments: Sequence[str]) -> Measured:
    """Measure what the main command's options choose, but not what is known. Raises NotMeasured or InputError.

    What the main command prints goes to standard error: JSON alone goes to standard output.
    """
    with contextlib.redirect_stdout(sys.stderr):
        status = main(_no_summary, [*arguments, "--resume"])
    if status not in (0, 1):
        raise NotMeasured(status)
    options = parser().parse_args(arguments)
    plan = build_plan(options)
    newest = {record.job_key: record for record in store.read_all(options.save_dir)}
    found = [(one, newest.get(resume.job_key(one, plan))) for one in chosen_submissions(options)]
    pairs = tuple((one, record) for one, record in found if record is not None)
    return Measured(options, plan, pairs, status == 1)


def measure_some(arguments: Sequence[str]) -> Measured:
    """As `measure_missing`. Raises InputError if no record is of what was chosen."""
    found = measure_missing(arguments)
    if not found.pairs:
        raise InputError(f"--save_dir {found.options.save_dir}: holds no record of what was chosen")
    return found


def _no_summary(*_arguments: Any) -> None:
    """In place of the ranking that `test_demo.py` ends with."""
