"""The page of all claims, and the claims of one entry: what its team states beside what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from eval.challenge import Challenge
from eval.claims.compare import FIGURES, Judgement, heading_of, judge
from eval.claims.tables import shown_claim
from eval.records.public import without_paths
from leaderboard.site.listing import Listed
from leaderboard.site.page import Page, SiteData
from leaderboard.tables.numbers import format_number

# Verdicts as pages show them: their style and their sign in the index
SIGNS = {"contradicted": ("bad", "✗"), "confirmed": ("firm", "✓"), "not comparable": ("", "?")}


def _files(data: SiteData) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "claims.html", context(data)


CLAIMS_PAGE = Page("claims.html", _files, "Claims")


def context(data: SiteData) -> dict[str, Any]:
    """Variables of claims.html."""
    everyone = [(item, claims_of(item, data.challenge)) for group in data.groups for item in group.listed]
    claiming = [(item, claims) for item, claims in everyone if claims]
    counts = Counter[str](one.verdict for _, claims in claiming for one in claims)
    return {
        "counts": [
            {"text": f"{counts[verdict]} {verdict}", "css": css} for verdict, (css, _) in SIGNS.items()
        ],
        "entries": [
            {"id": item.id, "model": item.entry.model, "lines": claim_lines(claims)}
            for item, claims in claiming
        ],
        "silent": [item.entry.model for item, claims in everyone if not claims],
    }


def claims_of(item: Listed, challenge: Challenge) -> list[Judgement]:
    """Verdicts on what the entry's team claims; empty if it claims nothing."""
    entry = item.entry
    found = judge(entry.record, challenge.claims, entry.owned_by(challenge), challenge.device)
    return [one for one in found if one.verdict != "not claimed"]


def claim_lines(claims: list[Judgement]) -> list[dict[str, str]]:
    """A line of a table for each verdict."""
    return [
        {
            "title": heading_of(one.claim),
            "claimed": shown_claim(one.claimed),
            "measured": _measured(one),
            "verdict": one.verdict,
            "css": SIGNS[one.verdict][0],
            "reason": without_paths(one.reason),
        }
        for one in claims
    ]


def claim_tags(claims: list[Judgement]) -> list[dict[str, str]]:
    """The counts of verdicts as tags of the index, such as `1 ✗`, contradicted claims first."""
    tags = []
    for verdict, (css, sign) in SIGNS.items():
        titles = [heading_of(one.claim) for one in claims if one.verdict == verdict]
        if titles:
            tags.append(
                {"text": f"{len(titles)} {sign}", "css": css, "title": f"{verdict}: {', '.join(titles)}"}
            )
    return tags


def _measured(one: Judgement) -> str:
    """Two digits more than tables print, since a claim may state them."""
    return format_number(one.measured, FIGURES[one.claim].decimals + 2) if one.claim in FIGURES else "–"
