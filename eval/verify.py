"""Each claim of a manifest beside the measurement: `python -m eval.verify --model_id 25`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from data.errors import InputError
from data.text import without_controls
from eval import cli
from eval.challenge import Challenge
from eval.claims.compare import Judgement, judge
from eval.cli.chosen import chosen_submissions
from eval.cli.options import parser as main_parser
from eval.cli.planning import build_plan
from eval.cli.verification.requests import add_requests, fulfil, request
from eval.harness import resume
from eval.records import store
from eval.records.schema import Record

_DESCRIPTION = (
    "Compare what manifests claim with what is measured. Equal results in --save_dir are not measured again."
)
_EPILOG = """All options of test_demo.py that choose submissions, images, rules and device work here too, such as
  python -m eval.verify --model_id 25
  python -m eval.verify --all --data_dir DATA --include_test --ssim --save_dir results --json
  python -m eval.verify --repo NTIRE2024_ESR --all --data_dir DATA

Exit status: 0, 1 if a claim is contradicted or a submission failed, 2 for wrong usage or data.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1 if a claim is contradicted or a submission failed, 2 for wrong usage, else 0."""
    given, passed_on = _parser().parse_known_args(arguments)
    if (asked := request(given, passed_on)) is not None:
        return fulfil(asked)
    with contextlib.redirect_stdout(sys.stderr):  # JSON alone goes to standard output
        status = cli.main(_no_summary, [*passed_on, "--resume"])
    if status not in (0, 1):
        return status
    try:
        judgements = _judgements(passed_on)
    except InputError as error:
        print(f"eval.verify: error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps([asdict(one) for one in judgements], indent=1))
    else:
        _show(judgements)
    contradicted = any(one.verdict == "contradicted" for one in judgements)
    return 1 if contradicted else status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m eval.verify",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--json", action="store_true", help="print a JSON list of verdicts (default: a table)"
    )
    add_requests(parser)
    return parser


def _no_summary(*_arguments: Any) -> None:
    """In place of the ranking that `test_demo.py` ends with."""


def _judgements(arguments: list[str]) -> list[Judgement]:
    """Verdicts on the newest records of the submissions that the options choose."""
    options = main_parser().parse_args(arguments)
    plan = build_plan(options)
    newest = {record.job_key: record for record in store.read_all(options.save_dir)}
    records = [newest.get(resume.job_key(one, plan)) for one in chosen_submissions(options)]
    return [
        judgement
        for record in records
        if record is not None
        for judgement in judge(
            record, plan.challenge.claims, _owns(plan.challenge, record), plan.challenge.device
        )
    ]


def _owns(challenge: Challenge, record: Record) -> bool:
    """Whether the record's images are the challenge's own."""
    names = {split: tuple(image.name for image in result.images) for split, result in record.modes.items()}
    return challenge.owns(names, record.image_digests, official_layout=record.official_layout)


def _show(judgements: list[Judgement]) -> None:
    console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 160)
    table = Table(title="Claims")
    for title in ("Model", "Claim", "Claimed", "Measured", "Verdict", "Reason"):
        table.add_column(title, overflow="fold")
    for one in judgements:
        if one.verdict != "not claimed":
            measured = "–" if one.measured is None else f"{one.measured:.6g}"
            cells = (one.model, one.claim, str(one.claimed), measured, one.verdict, one.reason)
            table.add_row(*(without_controls(cell) for cell in cells))
    console.print(table, markup=False)
    counts = Counter(one.verdict for one in judgements)
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), markup=False)


if __name__ == "__main__":
    sys.exit(main())
