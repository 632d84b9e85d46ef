"""The options of `python -m eval.verify` beside those on claims, and what runs for them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from data.errors import InputError
from data.paths import given_path
from eval.cli.options import parser as main_parser
from eval.cli.printing import named_reason
from eval.cli.verification.against import against
from eval.cli.verification.bundling import bundle
from eval.cli.verification.checking import check
from eval.cli.verification.measured import NotMeasured
from eval.cli.verification.reproduce import reproduce
from eval.reproduction.findings import CHOSEN

_USAGE = 2


def add_requests(parser: argparse.ArgumentParser) -> None:
    """Add the options; at most one of them may be given."""
    group = parser.add_argument_group("instead of verdicts on claims").add_mutually_exclusive_group()
    group.add_argument(
        "--reproduce", nargs="*", choices=CHOSEN, metavar="KIND",
        help="run again in fresh processes and under switches that ought not to change a pixel, and name what the "
        f"output depends on; kinds: {', '.join(CHOSEN)} (default: all; tf32 on CUDA only)",
    )  # fmt: skip
    parser.add_argument(
        "--first", type=_positive, metavar="N",
        help="with --reproduce: the first N images of each split only (default: all)",
    )  # fmt: skip
    group.add_argument(
        "--against", nargs="+", type=given_path, metavar="RECORD",
        help="what differs between this record and the one measured here, or a second record",
    )  # fmt: skip
    group.add_argument(
        "--bundle", type=given_path, metavar="OUT.zip",
        help="write what a second machine needs to repeat this: manifest, script, records, hashes, packages",
    )  # fmt: skip
    group.add_argument(
        "--check", type=given_path, metavar="BUNDLE.zip",
        help="repeat a bundle with your copy of the images: verdicts on files, claims and pixels",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoints", type=given_path, metavar="DIR",
        help="with --check: where checkpoints lie, under any names (default: this project's model_zoo/)",
    )  # fmt: skip


def request(given: argparse.Namespace, arguments: Sequence[str]) -> Callable[[], int] | None:
    """What runs for the option that is given; None if none is. arguments: for the main command."""
    if given.reproduce is not None:
        return lambda: reproduce(
            main_parser().parse_args(arguments), given.reproduce, given.first, as_json=given.json
        )
    if given.against:
        return lambda: against(given.against, arguments, as_json=given.json)
    if given.bundle:
        return lambda: bundle(given.bundle, arguments)
    if given.check:
        return lambda: check(given.check, given.checkpoints, arguments, as_json=given.json)
    return None


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number of at least 1")
    return int(text)


def fulfil(run: Callable[[], int]) -> int:
    """The exit status of `run`; 2 for wrong input, which one line says."""
    try:
        return run()
    except NotMeasured:
        return _USAGE
    except InputError as error:
        print(f"eval.verify: error: {error}", file=sys.stderr)
        return _USAGE
    except OSError as error:
        print(f"eval.verify: error: {named_reason(error)}", file=sys.stderr)
        return _USAGE
