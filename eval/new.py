"""A new submission: `python -m eval.new TEAM_ID NAME` writes manifest, script, checkpoint and test."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from data.errors import InputError
from data.paths import given_path
from data.text import printable
from eval.scaffold.beginning import NewName, beginning
from eval.scaffold.written import NewSubmission
from eval.submissions.manifest import ROOT

_EPILOG = """examples:
  python -m eval.new 42 MyNet                             a small network to begin with
  python -m eval.new 42 MyNet --from net.py --checkpoint net.pth --data_range 255
  python -m eval.new 42 MyNet --from 4x_nomos.pth         a checkpoint of an architecture that spandrel knows

Then `python -m eval.validate models/team42_MyNet.toml` says what the judge will say.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, or 2 for wrong usage or a file that cannot be used."""
    given = _parser().parse_args(arguments)
    try:
        named = _named(given.team_id, given.name)
        if given.checkpoint and given.source and given.source.suffix.lower() != ".py":
            raise InputError("--checkpoint: --from names a checkpoint already; leave one of them out")
        for path in (given.source, given.checkpoint):
            if path is not None and not path.is_file():
                raise InputError(f"{path}: no such file")
        with NewSubmission(named, given.out) as new:
            start = beginning(named, given.source, given.class_, given.checkpoint)
            new.write(start, given.team or f"Team {named.id}", float(given.data_range))
    except InputError as error:
        print(f"eval.new: error: {printable(str(error))}", file=sys.stderr)
        return 2
    for path in new.files:
        print(f"wrote {_shown(path)}")
    print(f"next: python -m eval.validate {_shown(new.manifest)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m eval.new",
        description="Write a new submission that the judge accepts: manifest, script, checkpoint and test.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("team_id", metavar="TEAM_ID", help="the challenge's number for the team, 0 to 9999")
    parser.add_argument("name", metavar="NAME", help="of the method: letters, digits and underscores")
    parser.add_argument(
        "--from", dest="source", type=given_path, metavar="CHECKPOINT|SCRIPT",
        help="what to begin with (default: a small network)",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", type=given_path, metavar="FILE",
        help="weights of the script (default: as the script makes them)",
    )  # fmt: skip
    parser.add_argument(
        "--class", dest="class_", default="", metavar="NAME",
        help="the script's network (default: the class that no other class uses)",
    )  # fmt: skip
    parser.add_argument(
        "--data_range", choices=("1.0", "255.0", "1", "255"), default="1.0",
        help="what the network takes and gives (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--team", default="", metavar="TEXT", help="the team's name (default: Team TEAM_ID)")
    parser.add_argument(
        "--out", type=given_path, default=ROOT, metavar="DIR",
        help="folder for models/, model_zoo/ and tests/ (default: this project)",
    )  # fmt: skip
    return parser


def _named(team_id: str, name: str) -> NewName:
    if not re.fullmatch(r"\d{1,4}", team_id):
        raise InputError(f"TEAM_ID {team_id}: expected a number from 0 to 9999, such as 42")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,50}", name):
        raise InputError(
            f"NAME {name}: expected letters, digits and underscores, a letter first, such as MyNet"
        )
    return NewName(int(team_id), name)


def _shown(path: Path) -> str:
    """A path as it is typed in the project's folder."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    sys.exit(main())
