"""How small a change of runtime would swap two neighbours of a ranking: what a published file can decide.

One run per entry tells nothing of other runs. But the change that would swap a pair can be compared with what runs of
one entry usually differ by: several percent on a busy machine, about one percent on a quiet one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from leaderboard.entry import Entry
from leaderboard.rules.base import Rule


@dataclass(frozen=True)
class Swap:
    """Two neighbours. change: of the lower one's runtime, as a share, that makes their scores equal; None if none does.

    It is negative: -0.02 means that two percent less would do.
    """

    rank: int
    upper: str
    lower: str
    change: float | None


def swaps(group: list[Entry], rule: Rule[Any]) -> list[Swap]:
    """One for each pair of neighbours, best first; none if the rule's score does not depend on runtime."""
    eligible = np.array([reason == "" for reason in rule.reasons(group)])
    standings = rule.scores(group, eligible)
    if standings.slopes is None:
        return []
    order = [int(i) for i in np.argsort(standings.keys, kind="stable") if eligible[i]]
    found = []
    for rank, (upper, lower) in enumerate(pairwise(order), 1):
        factor = rule.runtime_factor(group, lower, float(standings.keys[upper]))
        change = None if factor is None else factor - 1
        found.append(Swap(rank, group[upper].model, group[lower].model, change))
    return found
