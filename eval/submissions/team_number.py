"""The number that says whose a file or folder is."""

from __future__ import annotations

import re

_NUMBERED = re.compile(r"team_?0*(\d{1,9})(?!\d)", re.IGNORECASE)


def team_number(name: str) -> int | None:
    """The number that the name of a file or folder begins with; None if there is none.

    >>> team_number("team25_EERN.py"), team_number("Team_07"), team_number("utils.py")
    (25, 7, None)
    """
    match = _NUMBERED.match(name)
    return int(match.group(1)) if match else None
