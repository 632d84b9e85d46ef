"""The judge at home: `python -m eval.validate PATH` checks a submission before it is handed in."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from data.errors import InputError
from data.paths import given_path
from data.text import printable
from eval import challenge as challenges
from eval.cli.options import parser as main_parser
from eval.cli.planning import build_plan
from eval.cli.printing import named_reason
from eval.harness import progress
from eval.harness.plan import Plan
from eval.submissions.bare_checkpoint import bare_checkpoint
from eval.submissions.image_folder import image_folder
from eval.submissions.repository.discover import from_repository
from eval.validation.checklist import Validation
from eval.validation.handed_in import HandedIn, handed_in
from eval.validation.item import Item
from eval.validation.manifest_checks import ManifestFiles
from eval.validation.receipt import write_receipt
from eval.validation.report import line, receipt_of, summary
from eval.validation.result_images import ResultImages

_DESCRIPTION = "Check a submission as the judge will: what is wrong, and what to change."
_EPILOG = """PATH is a manifest (.toml), a script (.py) with its manifest beside it, a bare checkpoint, a repository
with select_model, or a folder of SR images. Options of test_demo.py that choose images, rules and device work here too:
  python -m eval.validate models/team25_EERN.toml
  python -m eval.validate models/team25_EERN.toml --data_dir DATA --receipt receipt.json
  python -m eval.validate NTIRE2024_ESR --model_id 25
  python -m eval.validate SR_DIR --hr HR_DIR

Exit status: 0 without problems, 1 with a problem, 2 for wrong usage or data.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 without problems, 1 with a problem, 2 for wrong usage or data."""
    given, passed_on = _parser().parse_known_args(arguments)
    try:
        found = _validated(given, _judges_options(passed_on))
    except InputError as error:
        print(f"eval.validate: error: {printable(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"eval.validate: error: {printable(named_reason(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval.validate: interrupted", file=sys.stderr)
        return 130
    if given.json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        print(summary(found))
    return int(any(one.verdict == "problem" for one in found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m eval.validate",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("path", type=given_path, metavar="PATH", help="what is to be handed in")
    parser.add_argument("--json", action="store_true", help="print a JSON list (default: a checklist)")
    parser.add_argument(
        "--quick", action="store_true", help="leave out the judge's own evaluation (default: off)"
    )
    parser.add_argument(
        "--budget", type=float, default=60.0, metavar="S",
        help="longest time for one image of typical size, in seconds (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--receipt", type=given_path, metavar="FILE", help="write a receipt for the organisers"
    )
    return parser


def _judges_options(arguments: list[str]) -> argparse.Namespace:
    """The options that are the main command's too; a wrong one ends the program as argparse does."""
    parser = main_parser()
    parser.prog = "python -m eval.validate"
    parser.usage = "%(prog)s PATH [options]; --help shows them"
    return parser.parse_args(["--protocol", "ntire", *arguments])


def _validated(given: argparse.Namespace, options: argparse.Namespace) -> list[Item]:
    """All items, shown as they are found unless JSON is asked for."""
    if given.receipt and given.quick:
        raise InputError("--receipt: it states what the judge's evaluation gives; leave out --quick")
    one = handed_in(given.path)
    if one.kind == "images":
        options.images = [one.path]
    console = Console(stderr=True, quiet=given.json, soft_wrap=True)
    with progress.reporting(console) as reporter:
        validation = Validation(build_plan(options), reporter, given.budget, given.quick)
        found = []
        for item in _items(one, options, validation):
            found.append(item)
            if not given.json:
                print(line(item), flush=True)
    if given.receipt:
        _write_receipt(given.receipt, one, validation, found)
    return found


def _items(one: HandedIn, options: argparse.Namespace, validation: Validation) -> Iterator[Item]:
    if one.kind == "manifest":
        yield from validation.manifest(ManifestFiles(one.path, options.checkpoint, options.allow_pickle))
    elif one.kind == "checkpoint":
        yield from validation.submission(bare_checkpoint(one.path, allow_pickle=options.allow_pickle))
    elif one.kind == "images":
        yield from validation.images(_results(one.path, options, validation.plan), image_folder(one.path))
    else:
        found = from_repository(one.path, options.model_id, allow_pickle=options.allow_pickle)
        for submission in found:
            prefix = f"{submission.model}: " if len(found) > 1 else ""
            with contextlib.closing(validation.submission(submission)) as listed:  # type: ignore[type-var]
                yield from (replace(item, check=f"{prefix}{item.check}") for item in listed)


def _results(folder: Path, options: argparse.Namespace, plan: Plan) -> ResultImages:
    """With HR images only if they were given, or if the images at hand bear the same names."""
    given = options.hr or options.pairs or options.data_dir
    names = {pair.name for pairs in plan.dataset.modes.values() for pair in pairs}
    stems = {path.stem.removesuffix(f"x{plan.challenge.scale}") for path in folder.iterdir()}
    known = bool(given) or bool(names & stems)
    return ResultImages(folder, challenges.load(options.challenge), plan if known else None)


def _write_receipt(path: Path, one: HandedIn, validation: Validation, found: list[Item]) -> None:
    """Write the receipt of the one submission that was judged."""
    if len(validation.judged) > 1:
        raise InputError("--receipt: there are several submissions; choose one by --model_id")
    records = list(validation.records.values())
    if any(item.verdict == "problem" for item in found) or not records:
        print("no receipt was written: the problems come first", file=sys.stderr)
        return
    manifest = one.path if one.kind == "manifest" else None
    write_receipt(path, receipt_of(records[0], validation.judged[0], manifest, found))


if __name__ == "__main__":
    sys.exit(main())
