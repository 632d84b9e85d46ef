"""What a build knows, and what one kind of page takes from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from eval.challenge import Challenge
from eval.metrics.metric import Metric
from leaderboard.confidence.robustness import PairCheck
from leaderboard.site.listing import EntryGroup

if TYPE_CHECKING:
    from leaderboard.site.images import SiteImage


@dataclass(frozen=True)
class SiteData:
    """One build. groups: the largest first, each with its neighbour checks. images: those of the largest group.

    metric: what pages show of single images.
    """

    challenge: Challenge
    ranking: pd.DataFrame
    groups: list[EntryGroup]
    checks: list[list[PairCheck]]
    images: list[SiteImage]
    metric: Metric


# Files of one kind of page: their path inside the site and their template's variables
Files = Callable[[SiteData], Iterator[tuple[str, dict[str, Any]]]]


@dataclass(frozen=True)
class Page:
    """One kind of page. link: how the navigation calls it; empty if the page is not in there.

    scripts: data for the page's own scripts, by file name: the name of the variable and its content.
    """

    template: str
    files: Files
    link: str = ""
    scripts: Callable[[SiteData], dict[str, tuple[str, Any]]] = field(default=lambda _data: {})
