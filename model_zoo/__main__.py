"""`python -m model_zoo fetch 25` or `fetch all`: the authors' checkpoints, checked by sha256."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from data.errors import InputError
from eval.submissions.catalogue import find_manifest, manifests
from eval.submissions.manifest import Manifest, read_manifest
from model_zoo.fetch import fetch, files


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all are there, 1 some could not be fetched, 2 usage."""
    parser = argparse.ArgumentParser("python -m model_zoo", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("fetch", help="download released checkpoints into model_zoo/")
    verb.add_argument("ids", nargs="+", metavar="ID|all")
    verb.add_argument("--mirror", default="", metavar="URL", help="another address that holds the same files")
    options = parser.parse_args(arguments)
    try:
        paths = list(manifests().values()) if options.ids == ["all"] else [
            find_manifest(model_id) for model_id in options.ids
        ]  # fmt: skip
        found = [read_manifest(path) for path in paths]
    except InputError as error:
        print(f"model_zoo: error: {error}", file=sys.stderr)
        return 2
    return max([_fetch_all(manifest, options.mirror) for manifest in found], default=0)


def _fetch_all(manifest: Manifest, mirror: str) -> int:
    entries, failed = files(manifest), 0
    if not entries:
        print(f"{manifest.model}: its manifest names no address to fetch from")
    for entry in entries:
        try:
            path, loaded = fetch(entry, mirror=mirror)
            print(
                f"{manifest.model}: {path.name} {'fetched, sha256 checked' if loaded else 'is already there'}"
            )
        except InputError as error:
            print(f"{manifest.model}: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
