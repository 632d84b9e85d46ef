"""Write the site: plain files that open from disk, without network and without a server."""

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
from leaderboard.robustness import PairCheck, neighbours
from leaderboard.rules import rule_for
from leaderboard.site import crops, images, index, team
from leaderboard.site.listing import Group, groups_of

HERE = Path(__file__).resolve().parent


def write(
    records: list[Record], challenge: Challenge, frame: pd.DataFrame, save_dir: Path, out: Path
) -> list[str]:
    """Write all pages into `out`; returns lines on pictures that were left out. `frame` is the ranking of `records`.

    Raises InputError where a file cannot be written.
    """
    groups = groups_of(records, challenge, frame)
    checks = [_checks(group, challenge) for group in groups]
    common: dict[str, Any] = {
        "challenge": challenge,
        "built": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "record_count": len(records),
        "head": head(save_dir),
    }
    try:
        _assets(out)
        found_images = images.collect(groups[0], save_dir, out, challenge) if groups else []
        _image_pages(found_images, groups, out, common)
        pages = images.pages(found_images)
        _render(
            "index.html",
            out / "index.html",
            base="",
            **common,
            **index.context(challenge, groups, checks, frame),
        )
        _script(
            out / "assets" / "data.js",
            "SR_DATA",
            {"points": index.points(groups), "threshold": index.threshold(challenge, groups)},
        )
        for group, found in zip(groups, checks, strict=True):
            for item in group.listed:
                own_pages = pages if group is groups[0] else {}
                _render(
                    "team.html",
                    out / "team" / f"{item.id}.html",
                    base="../",
                    **common,
                    **team.context(item, group, found, own_pages, challenge.device),
                )
        # Last, so that a page which polls it reloads a whole site.
        (out / "version.txt").write_text(f"{common['head']} {common['built']}", encoding="utf-8")
        return images.refused(found_images)
    except OSError as error:
        raise InputError(f"{out}: the site cannot be written ({error.strerror or error})") from None


def _checks(group: Group, challenge: Challenge) -> list[PairCheck]:
    ranks = np.array([item.rank or 10**9 for item in group.listed], dtype=float)
    eligible = np.array([bool(item.row["eligible"]) for item in group.listed])
    return neighbours(group.entries, rule_for(group.entries, challenge), ranks, eligible)


def _image_pages(
    found: list[images.SiteImage], groups: list[Group], out: Path, common: dict[str, Any]
) -> None:
    """Pages of the images of the largest group, their list and the comparison page."""
    in_order = sorted(found, key=lambda image: image.id)
    for place, image in enumerate(in_order):
        around = (
            in_order[place - 1] if place else None,
            in_order[place + 1] if place + 1 < len(in_order) else None,
        )
        _render(
            "image.html",
            out / "image" / f"{image.id}.html",
            base="../",
            **common,
            **images.context(image, groups[0], around),
        )
    _render("images.html", out / "images.html", base="", **common, **images.list_context(found))
    data = (
        images.compare_data(found, groups[0]) if groups else {"crop": crops.SIDE, "images": [], "models": []}
    )
    _script(out / "assets" / "compare-data.js", "SR_COMPARE", data)
    _render("compare.html", out / "compare.html", base="", crop_rule=crops.RULE, **common)


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
