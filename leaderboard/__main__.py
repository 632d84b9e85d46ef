"""Command line of the leaderboard: `python -m leaderboard VERB --help`.

Each verb imports what it needs when it runs: `--help` and `verify-log` start without pandas.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import NoReturn, TextIO

from data.errors import InputError
from data.text import without_controls
from eval import challenge as challenges
from eval.records import store
from eval.records.store import read_rounds

EXAMPLES = """examples:
  python -m leaderboard import results.json --save_dir results
  python -m leaderboard build --save_dir results --challenge esr2026 --out site
  python -m leaderboard audit results.json
  python -m leaderboard diff site_before site_after
  python -m leaderboard serve --save_dir results --challenge esr2026
"""


class Parser(argparse.ArgumentParser):
    """Reports a usage error in one line, as all other errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (--help shows the arguments)\n")


def parser() -> argparse.ArgumentParser:
    """All verbs and their arguments."""
    main = Parser(
        prog="python -m leaderboard",
        description="Rank records, publish and check them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = main.add_subparsers(dest="verb", required=True, metavar="VERB")

    add = verbs.add_parser("import", help="turn an official results.json or results.txt into records")
    add.add_argument("file", type=Path)
    add.add_argument("--save_dir", type=Path, default=Path("results"))
    add.add_argument("--challenge", default="", help="challenge that the file belongs to, such as esr2026")
    add.add_argument("--device", default="", help="machine that the file was measured on")
    add.set_defaults(run=_import)

    _add_build(verbs.add_parser("build", help="write the tables and the site"))

    check = verbs.add_parser("audit", help="find doubtful figures in a results file")
    check.add_argument("file", type=Path, help="results.json, results.txt or a folder of results")
    check.add_argument(
        "--challenge", default="", help="whose rules; default: the one whose baseline is in the file"
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=_audit)

    log = verbs.add_parser("verify-log", help="check that no record was changed or removed")
    log.add_argument("--save_dir", type=Path, default=Path("results"))
    log.add_argument(
        "--head", default="", metavar="SHA256", help="a head that was printed earlier, and published"
    )
    log.set_defaults(run=_verify_log)

    compare = verbs.add_parser("diff", help="list who moved between two builds, and why")
    compare.add_argument("before", type=Path, help="output folder of a build, or its leaderboard.json")
    compare.add_argument("after", type=Path)
    compare.set_defaults(run=_diff)

    live = verbs.add_parser("serve", help="serve the site on this machine only, refreshed as records arrive")
    _add_source(live)
    live.add_argument("--port", type=int, default=8765)
    live.set_defaults(run=_serve)
    return main


def _add_build(make: argparse.ArgumentParser) -> None:
    _add_source(make)
    make.add_argument("--out", type=Path, default=Path("leaderboard_site"))
    make.add_argument(
        "--claims", type=Path, metavar="FILE",
        help="TOML file of claims, as for eval.verify (default: those of the records)",
    )  # fmt: skip
    make.add_argument("--tables_only", action="store_true", help="CSV, Markdown, LaTeX and JSON, no pages")
    make.set_defaults(run=_build)


def _add_source(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--save_dir", type=Path, default=Path("results"))
    verb.add_argument("--challenge", default="esr2024", help="name, or path of a .toml file")


def _import(args: argparse.Namespace) -> int:
    from leaderboard import importing

    challenge = challenges.load(args.challenge).name if args.challenge else ""  # a path of rules is no name
    added = importing.import_file(args.file, args.save_dir, challenge, args.device)
    _say(
        f"{args.file}: {len(added)} records added to {args.save_dir}"
        if added
        else f"{args.file}: already in {args.save_dir}; nothing added"
    )
    return 0


def _build(args: argparse.Namespace) -> int:
    from leaderboard import build

    challenge = challenges.load(args.challenge)
    records = build.load_records(args.save_dir, challenge)
    if args.claims:
        from eval.claims.claims_file import (
            check_names,
            read_claims,
            with_claims,
        )  # with the manifest's fields

        tables = read_claims(args.claims)
        check_names(tables, records, args.claims)
        records = [with_claims(record, tables) for record in records]
    frame = build.write_tables(records, challenge, args.out, read_rounds(args.save_dir))
    if not args.tables_only:
        from leaderboard.site import pages

        for line in pages.write_site(records, challenge, frame, args.save_dir, args.out):
            _say(line, sys.stderr)
    _say(build.order_text(frame))
    _say(f"Written to {args.out}" + ("" if args.tables_only else f"; open {args.out / 'index.html'}"))
    return 0


def _audit(args: argparse.Namespace) -> int:
    from leaderboard import audit

    records = audit.records_of(args.file)
    challenge = challenges.load(args.challenge) if args.challenge else audit.guess_challenge(records)
    report = audit.audit(records, challenge)
    _say(json.dumps(report, indent=1) if args.json else audit.report_text(report).rstrip("\n"))
    return 0


def _verify_log(args: argparse.Namespace) -> int:
    if not (args.save_dir / store.RECORDS).is_dir():
        raise InputError(f"{args.save_dir}: holds no records")
    problems = store.verify_chain(args.save_dir)
    if args.head and not store.holds(args.save_dir, args.head):
        problems.append(f"--head {args.head}: no record has this sha256; one was changed or removed since")
    for problem in problems:
        _say(problem)
    if not problems:
        count = len(store.read_all(args.save_dir))
        _say(f"{count} records, each following the one before it. Head: {store.head(args.save_dir)}")
    return 1 if problems else 0


def _diff(args: argparse.Namespace) -> int:
    from leaderboard import diff

    _say(diff.moves_text(diff.read_build(args.before), diff.read_build(args.after)).rstrip("\n"))
    return 0


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print `text`: names and reasons come from submissions and must not steer the terminal."""
    print(without_controls(text), file=stream)


def _serve(args: argparse.Namespace) -> int:
    from leaderboard import serve

    return serve.serve_site(args.save_dir, challenges.load(args.challenge), args.port)


def main(arguments: list[str] | None = None) -> int:
    """Run one verb. Exit status: 0 done, 1 a broken chain of records, 2 wrong input."""
    args = parser().parse_args(arguments)
    try:
        return int(args.run(args))
    except InputError as error:
        _say(f"error: {error}", sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
