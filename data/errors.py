"""The one error for wrong input. The user sees it as one line, never as a traceback."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input from a user or a submission.

    The message names the file or field, and says what was found, what would be right, and the cure.
    """
