"""Consoles of the command lines: tables on standard output, progress on standard error."""

from __future__ import annotations

import sys

from rich.console import Console

PIPE_WIDTH = 160  # columns of tables if no terminal states its own


def named_reason(error: OSError) -> str:
    """What the system says, with the file that it names, such as a folder that the user may not enter."""
    named = f"{error.filename}: " if error.filename else ""
    return f"{named}{error.strerror or error}"


def table_console() -> Console:
    """Standard output; a pipe gets lines that are not wrapped."""
    return Console() if sys.stdout.isatty() else Console(soft_wrap=True, width=PIPE_WIDTH)


def error_console() -> Console:
    """Standard error."""
    return Console(stderr=True, soft_wrap=True)
