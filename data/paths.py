"""Paths that a command line is given: made absolute once, so that nothing depends on the working folder."""

from __future__ import annotations

import argparse
from pathlib import Path


def given_path(text: str) -> Path:
    """`text` as an absolute path, for `type=` of an option.

    Links and `..` in the folder are resolved. The last component stays as it is: a link's own name is what a
    submission is called. Raises ArgumentTypeError for an empty path and for links that lead in a circle.
    """
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found an empty text")
    path = Path(text)
    try:
        if path.name in ("", ".."):  # such as `.`, `/` and `../..`: there is no name of its own to keep
            return path.resolve()
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError) as error:  # Python up to 3.12 raises RuntimeError for a circle of links
        raise argparse.ArgumentTypeError(f"{text}: {getattr(error, 'strerror', None) or error}") from None
