"""Each claim of a manifest beside the measurement: `python -m eval.verify --model_id 25`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from data.errors import InputError
from data.paths import given_path
from eval.claims.claims_file import read_claims
from eval.claims.compare import Judgement
from eval.claims.tables import claims_csv, claims_markdown, claims_table, verdict_counts
from eval.cli.receipts import receipt_judgements
from eval.cli.verdicts import judgements_of
from eval.cli.verification.measured import NotMeasured, measure_missing
from eval.cli.verification.requests import add_requests, fulfil, request
from eval.records.store import write_atomic
from eval.validation.receipt import read_receipt

_DESCRIPTION = (
    "Compare what manifests claim with what is measured. Equal results in --save_dir are not measured again."
)
_EPILOG = """All options of test_demo.py that choose submissions, images, rules and device work here too, such as
  python -m eval.verify --model_id 25
  python -m eval.verify --all --data_dir DATA --include_test --ssim --save_dir results --json
  python -m eval.verify --model_id 25 --receipt receipt.json
  python -m eval.verify --repo NTIRE2024_ESR --all --data_dir DATA --claims claims.toml --csv verdicts.csv

A file of claims has a table for each id, with the fields of [claims] in a manifest:
  [25]
  params_m = 0.6574

Exit status: 0, 1 if a claim is contradicted or a submission failed, 2 for wrong usage or data.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1 if a claim is contradicted or a submission failed, 2 for wrong usage, else 0."""
    given, passed_on = _parser().parse_known_args(arguments)
    if (asked := request(given, passed_on)) is not None:
        return fulfil(asked)
    try:
        tables = read_claims(given.claims) if given.claims else {}
        receipt = read_receipt(given.receipt) if given.receipt else None
        measured = measure_missing(passed_on)
        if receipt is None:
            judgements = judgements_of(measured, tables, given.claims)
        else:
            judgements = receipt_judgements(measured, receipt, given.receipt)
        _write(judgements, given)
    except NotMeasured as ended:
        return ended.status
    except InputError as error:
        print(f"eval.verify: error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps([asdict(one) for one in judgements], indent=1))
    else:
        _show(judgements, "Receipt" if receipt else "Claims")
    contradicted = any(one.verdict == "contradicted" for one in judgements)
    return 1 if contradicted or measured.failed else 0


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
    for option, what in (("--csv", "all verdicts as CSV"), ("--markdown", "the table as Markdown")):
        parser.add_argument(
            option, type=given_path, metavar="FILE", help=f"also write {what} (default: not written)"
        )
    parser.add_argument(
        "--claims", type=given_path, metavar="FILE",
        help="a TOML file of claims, such as for the teams of a repository (default: those of the manifests)",
    )  # fmt: skip
    parser.add_argument(
        "--receipt", type=given_path, metavar="FILE",
        help="compare what eval.validate wrote for the participant, instead of the claims (default: no receipt)",
    )  # fmt: skip
    add_requests(parser)
    return parser


def _write(judgements: Sequence[Judgement], given: argparse.Namespace) -> None:
    """Write the files that were asked for. Raises InputError if one cannot be written."""
    files: list[tuple[Path | None, str]] = [
        (given.csv, claims_csv(judgements)),
        (given.markdown, claims_markdown(judgements)),
    ]
    for path, text in files:
        if path is not None:
            try:
                write_atomic(path, text)
            except OSError as error:
                raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None


def _show(judgements: Sequence[Judgement], title: str) -> None:
    console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 160)
    console.print(claims_table(judgements, title), markup=False)
    console.print(verdict_counts(judgements), markup=False)


if __name__ == "__main__":
    sys.exit(main())
