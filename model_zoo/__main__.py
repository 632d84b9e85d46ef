"""`python -m model_zoo fetch 25` or `fetch all`: the authors' checkpoints, checked by sha256."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data.errors import InputError
from eval.submissions.catalogue import find_manifest, listed
from eval.submissions.manifest import read_manifest
from model_zoo.fetch import fetch, files


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0 all are there, 1 some could not be fetched, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        paths = _chosen(options.ids)
    except InputError as error:
        print(f"model_zoo: error: {error}", file=sys.stderr)
        return 2
    return max([_fetch_all(path, options.mirror) for path in paths], default=0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m model_zoo", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("fetch", help="download released checkpoints into model_zoo/")
    verb.add_argument("ids", nargs="+", metavar="ID|all", help="submissions, or all of them")
    verb.add_argument("--mirror", default="", metavar="URL", help="another address that holds the same files")
    return parser


def _chosen(ids: Sequence[str]) -> list[Path]:
    """The manifests of `ids`. With `all`, every manifest, whether or not its id is taken by another."""
    if "all" in ids:
        return [path for _, path in listed()]
    return [find_manifest(model_id) for model_id in ids]


def _fetch_all(path: Path, mirror: str) -> int:
    """Fetch what one manifest names, and say so. Returns 1 if something failed, which stops no other manifest."""
    try:
        manifest = read_manifest(path)
    except InputError as error:
        print(f"model_zoo: error: {error}", file=sys.stderr)
        return 1
    entries, failed = files(manifest), 0
    if not entries:
        print(f"{manifest.model}: its manifest names no address to fetch from")
    for entry in entries:
        try:
            target, is_new = fetch(entry, mirror=mirror)
            print(
                f"{manifest.model}: {target.name} {'fetched, sha256 checked' if is_new else 'is already there'}"
            )
        except InputError as error:
            print(f"{manifest.model}: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
