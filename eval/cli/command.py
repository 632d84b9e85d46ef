"""The main command: options in, batch, ranking, exit status out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from data.errors import InputError
from eval.challenge import Challenge
from eval.cli.batch import run_batch
from eval.cli.chosen import chosen_submissions
from eval.cli.options import parser
from eval.cli.planning import announce, build_plan, prepare_save_dir
from eval.cli.printing import named_reason, table_console
from eval.harness.plan import Plan
from eval.records import store
from eval.records.schema import Record
from eval.submissions.submission import Submission

_OK, _SOME_FAILED, _USAGE, _INTERRUPTED = 0, 1, 2, 130
# Ranks and shows at the end: (all records, rules, save_dir, models of this batch, console). The caller gives it,
# because ranking lies above this package.
Summarise = Callable[[list[Record], Challenge, Path, set[str], Console], None]


def main(summarise: Summarise, arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns its exit status: 0 all evaluated, 1 some failed, 2 usage or data error."""
    options = _expanded(parser().parse_args(arguments))
    console = table_console()
    try:
        return _run(options, console, summarise)
    except InputError as error:
        print(f"test_demo.py: error: {error}", file=sys.stderr)
        return _USAGE
    except OSError as error:
        print(f"test_demo.py: error: {named_reason(error)}", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        print("test_demo.py: interrupted; finished evaluations are kept, --resume goes on", file=sys.stderr)
        return _INTERRUPTED


def _expanded(options: argparse.Namespace) -> argparse.Namespace:
    """Options with `--compare` written out."""
    if options.compare:
        if options.model_id or options.all:
            parser().error("--compare names the submissions itself; leave out --model_id and --all")
        options.model_id, options.protocol = options.compare, "interleaved"
    return options


def _rounds(chosen: list[Submission], plan: Plan, options: argparse.Namespace) -> Callable[[Console], bool]:
    """What runs the campaign after the batch. Raises InputError before anything is measured if none can be run."""
    from eval.cli import campaign  # with scipy, whose import would slow every other start

    baseline = campaign.baseline_of(chosen, plan, options)
    return partial(campaign.run_campaign, chosen, baseline, plan, options)


def _run(options: argparse.Namespace, console: Console, summarise: Summarise) -> int:
    chosen = chosen_submissions(options)
    plan = build_plan(options)
    rounds = _rounds(chosen, plan, options) if plan.protocol == "interleaved" else None
    prepare_save_dir(options.save_dir)
    announce(plan, console)
    failed = run_batch(chosen, plan, options, console)
    if rounds is not None:
        failed = rounds(console) or failed
    records = store.read_all(options.save_dir)
    summarise(records, plan.challenge, options.save_dir, {one.model for one in chosen}, console)
    return _SOME_FAILED if failed else _OK
