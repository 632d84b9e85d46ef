"""When an entry may leave a campaign.

Looks at the results share the error: with K planned looks each uses 1 - alpha / K (Bonferroni), so that looking often
separates no entries by chance.
"""

from __future__ import annotations

from collections.abc import Mapping

from eval.runtime.rank_sets import RankSet

PILOT_ROUNDS = 3  # before the first look
HALF_WIDTH = 0.0025  # of an entry's interval, relative: narrower than any two neighbours of a published table


def look_confidence(looks: int, confidence: float = 0.95) -> float:
    """The confidence of each of the planned looks, so that all together keep `confidence`.

    >>> round(look_confidence(5), 4)
    0.99
    """
    return 1 - (1 - confidence) / max(looks, 1)


def finished(
    sets: Mapping[str, RankSet], half_widths: Mapping[str, float], half_width: float = HALF_WIDTH
) -> dict[str, str]:
    """Entries that need no further round, with the rule that says so.

    sets: at this look's confidence. half_widths: relative, of each entry's interval.

    >>> finished({"a": RankSet(1, 1), "b": RankSet(2, 3)}, {"a": 0.01, "b": 0.01})
    {'a': 'its rank cannot change any more'}
    """
    found = {}
    for entry, one in sets.items():
        if one.low == one.high:
            found[entry] = "its rank cannot change any more"
        elif half_widths[entry] < half_width:
            found[entry] = f"its interval is narrower than ±{half_width:.2%}"
    return found
