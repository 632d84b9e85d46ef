"""Write the site: plain files that open from disk, without network and without a server.

A new kind of page is a module that describes it, its template, and one line in `PAGES`.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from data.errors import InputError
from eval.challenge import Challenge
from eval.records.schema import Record
from eval.records.store import head
from leaderboard.confidence.robustness import PairCheck, neighbours
from leaderboard.rules import rule_for
from leaderboard.site.claims import CLAIMS_PAGE
from leaderboard.site.compare import COMPARE_PAGE
from leaderboard.site.image import IMAGE_PAGE
from leaderboard.site.images import IMAGES_PAGE, collect, refused_lines
from leaderboard.site.index import INDEX_PAGE
from leaderboard.site.listing import EntryGroup, groups_of, image_metric
from leaderboard.site.page import Page, SiteData
from leaderboard.site.team import TEAM_PAGE

HERE = Path(__file__).resolve().parent
VERSION_FILE = "version.txt"  # its first line names the build; open pages poll it, and show its further lines
PAGES: tuple[Page, ...] = (
    INDEX_PAGE,
    IMAGES_PAGE,
    COMPARE_PAGE,
    CLAIMS_PAGE,
    TEAM_PAGE,
    IMAGE_PAGE,
)


def write_site(
    records: list[Record], challenge: Challenge, frame: pd.DataFrame, save_dir: Path, out: Path
) -> list[str]:
    """Write all pages into `out`; returns lines on pictures that were left out. `frame` is the ranking of `records`.

    Raises InputError if a file cannot be written.
    """
    common: dict[str, Any] = {
        "challenge": challenge,
        "built": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "record_count": len(records),
        "head": head(save_dir),
        "links": [(_first_file(page), page.link) for page in PAGES if page.link],
    }
    try:
        _assets(out)
        data = _data(records, challenge, frame, save_dir, out)
        for page in PAGES:
            for name, variables in page.files(data):
                _render(page.template, out / name, base="../" * name.count("/"), **common, **variables)
            for file, (variable, content) in page.scripts(data).items():
                _script(out / "assets" / file, variable, content)
        # Last, so that a page which polls it reloads a whole site.
        (out / VERSION_FILE).write_text(f"{common['head']} {common['built']}", encoding="utf-8")
        return refused_lines(data.images)
    except OSError as error:
        raise InputError(f"{out}: the site cannot be written ({error.strerror or error})") from None


def _first_file(page: Page) -> str:
    """A page in the navigation is one file, called as its template."""
    return page.template


def _data(
    records: list[Record], challenge: Challenge, frame: pd.DataFrame, save_dir: Path, out: Path
) -> SiteData:
    groups, metric = groups_of(records, challenge, frame), image_metric(frame)
    return SiteData(
        challenge,
        frame,
        groups,
        [_checks(group, challenge) for group in groups],
        collect(groups[0], metric, save_dir, out, challenge) if groups else [],
        metric,
    )


def _checks(group: EntryGroup, challenge: Challenge) -> list[PairCheck]:
    ranks = np.array([item.rank or 10**9 for item in group.listed], dtype=float)
    eligible = np.array([bool(item.row["eligible"]) for item in group.listed])
    return neighbours(group.entries, rule_for(group.entries, challenge), ranks, eligible)


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _render(template: str, target: Path, **variables: Any) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_templates().get_template(template).render(**variables), encoding="utf-8")


def _script(target: Path, name: str, content: Any) -> None:
    """Data as a classic script: pages opened from disk may load those, but may not fetch JSON."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    target.write_text(f"window.{name} = {text};\n", encoding="utf-8")


def _assets(out: Path) -> None:
    folder = out / "assets"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (HERE / "static").iterdir():
        shutil.copyfile(file, folder / file.name)
    from plotly.offline import get_plotlyjs  # imports slowly and is needed for its script only

    (folder / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
