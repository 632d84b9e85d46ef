"""Claims in a factsheet: `python -m eval.factsheet FILE.pdf|.tex|.zip|.txt|.md` proposes a manifest's `[claims]`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from data.errors import InputError
from data.text import printable, without_controls
from eval.claims.factsheet.bounded import parse_bounded
from eval.claims.factsheet.figures import ProposedClaim
from eval.claims.factsheet.parse import Factsheet
from eval.claims.factsheet.write import readme, tex_table
from eval.records import store

EPILOG = """examples:
  python -m eval.factsheet factsheet.pdf
  python -m eval.factsheet source.zip --name MyNet --json
  python -m eval.factsheet --write 25_EERN --save_dir results --out factsheet
"""


def _options() -> argparse.ArgumentParser:
    """All _options with their defaults."""
    parser = argparse.ArgumentParser(
        "python -m eval.factsheet",
        description="Propose the claims of a factsheet, each with its sentence; or write a factsheet's tables.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="a factsheet: .pdf .tex .zip .txt .md"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--name", nargs="+", default=[], help="names of the team and method: marks its row of a table"
    )
    parser.add_argument(
        "--write", metavar="MODEL", help="write complexity.tex and readme.txt from MODEL's record"
    )
    parser.add_argument(
        "--save_dir", type=Path, default=Path("results"), help="records (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("factsheet"), help="folder for --write (default: %(default)s)"
    )
    parser.add_argument(
        "--extra_data", choices=("yes", "no"), help="for readme.txt: whether extra data was used"
    )
    parser.add_argument("--description", default="", help="for readme.txt: one sentence")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, or 2 for wrong usage or a file that cannot be read."""
    parser = _options()
    given = parser.parse_args(arguments)
    try:
        if (given.file is None) == (given.write is None):
            raise InputError(
                "give a factsheet to read, or --write MODEL to write one (`--help` shows examples)"
            )
        if given.write is not None:
            _write(given)
        else:
            sheet = parse_bounded(given.file, given.name)
            print(json.dumps(sheet.as_dict(), indent=1) if given.json else _text(sheet))
    except InputError as error:
        print(f"eval.factsheet: error: {printable(str(error))}", file=sys.stderr)
        return 2
    return 0


def _text(sheet: Factsheet) -> str:
    """A `[claims]` table for a manifest, each line with the sentence that it comes from."""
    lines = [f"# {name}: {value}" for name, value in sheet.team.items()]
    lines.append("[claims]")
    for found in sheet.claims.values():
        lines += [f"# {found.place}, confidence {found.confidence}: {found.sentence}", _line(found), ""]
    if not sheet.claims:
        lines.append("# no figure was found that is surely a claim")
    for conflict in sheet.conflicts:
        lines.append(f"# CONFLICT: {conflict.field} is stated with different values; choose one:")
        lines += [f"#   {_line(one)}   ({one.place}: {one.sentence})" for one in conflict.found]
    return without_controls("\n".join(lines).rstrip())


def _line(found: ProposedClaim) -> str:
    value = list(found.value) if isinstance(found.value, tuple) else found.value
    return f"{found.field} = {json.dumps(value)}"


def _write(given: argparse.Namespace) -> None:
    newest = store.latest(store.read_all(given.save_dir))
    record = newest.get(given.write)
    if record is None:
        known = ", ".join(newest) or "none"
        raise InputError(f"--write {given.write}: no record in {given.save_dir} (there are: {known})")
    if record.status != "ok":
        raise InputError(f"--write {given.write}: it failed: {record.error}")
    extra = None if given.extra_data is None else given.extra_data == "yes"
    try:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "complexity.tex").write_text(tex_table(record), encoding="utf-8")
        (given.out / "readme.txt").write_text(readme(record, extra, given.description), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {given.out}: cannot be written ({error.strerror or error})") from None
    print(f"{given.out}/complexity.tex, {given.out}/readme.txt")


if __name__ == "__main__":
    sys.exit(main())
