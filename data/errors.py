"""The one error for input that is wrong: shown to the user as one line, never as a traceback."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input from a user or a submission.

    The message names the file or field, says what was found, and what would be right.
    """
