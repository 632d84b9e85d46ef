"""The part of an entry's page that goes image by image: charts, best and worst images."""

from __future__ import annotations

from typing import Any

import numpy as np

from eval.metrics.metric import Metric
from leaderboard import checks
from leaderboard.entry import Array
from leaderboard.site import charts
from leaderboard.site.listing import EntryGroup, Listed
from leaderboard.tables.numbers import format_number

EXTREMES = 5


def gains(item: Listed, group: EntryGroup, split: str, metric: Metric) -> tuple[Array, bool]:
    """The metric per image of `split`: one float64 per image; NaN where it is missing.

    If the baseline saw the same images, it is the difference to the baseline, and the second result is True.
    """
    own = item.entry.metric(split, metric.name)
    base = group.baseline
    if base is None or base is item or base.entry.image_names(split) != item.entry.image_names(split):
        return own, False
    with np.errstate(invalid="ignore"):
        return own - base.entry.metric(split, metric.name), True


def image_charts(item: Listed, group: EntryGroup, split: str, metric: Metric) -> list[dict[str, Any]]:
    """The distribution of the metric and the runtime of every image, as far as they are known."""
    found = [_quality_chart(item, group, split, metric), _runtime_chart(item)]
    return [chart for chart in found if chart and chart["svg"]]


def _quality_chart(item: Listed, group: EntryGroup, split: str, metric: Metric) -> dict[str, Any] | None:
    values, relative = gains(item, group, split, metric)
    if not len(values):
        return None
    title = f"{metric.title} per {split} image" + (", against the baseline" if relative else "")
    better = int((values > 0).sum() if metric.higher_is_better else (values < 0).sum())
    caption = (
        f"Better than the baseline on {better} of {len(values)} images."
        if relative
        else f"{len(values)} images."
    )
    svg = charts.histogram(values, metric.unit, f"{title} of {item.entry.model}: {caption}")
    return {"title": title, "svg": svg, "caption": caption}


def _runtime_chart(item: Listed) -> dict[str, Any] | None:
    first = next(iter(item.entry.runtimes), None)
    if first is None:
        return None
    times = item.entry.runtimes[first]
    cold = checks.cold_start(item.entry) is not None
    caption = f"Median {np.median(times):.2f} ms, mean {times.mean():.2f} ms."
    if cold:
        caption += f" The first call took {times[0]:.1f} ms."
    title = f"Runtime per {first} image [ms]"
    svg = charts.sequence(times, cold, f"{title} of {item.entry.model}. {caption}")
    return {"title": title, "svg": svg, "caption": caption}


def extremes(
    item: Listed, group: EntryGroup, split: str, metric: Metric, pages: dict[tuple[str, str], str]
) -> list[dict[str, Any]]:
    """Best and worst images; empty if no image is known. `pages` maps (split, image) to the name of its page."""
    values, relative = gains(item, group, split, metric)
    if not len(values):
        return []
    sign = 1 if metric.higher_is_better else -1
    order = np.argsort(np.nan_to_num(sign * values, nan=0.0), kind="stable")
    own, names = item.entry.metric(split, metric.name), item.entry.image_names(split)
    times = item.entry.runtimes.get(split)
    rows = [
        {
            "name": names[i],
            "page": pages.get((split, names[i])),
            "value": format_number(float(own[i]), metric.decimals),
            "gain": f"{values[i]:+.{metric.decimals + 1}f}" if relative else "",
            "runtime": format_number(float(times[i]), 2) if times is not None else "–",
        }
        for i in range(len(names))
    ]
    column = "to the baseline" if relative else ""
    return [
        {"title": title, "column": column, "images": [rows[i] for i in chosen]}
        for title, chosen in (
            ("Best images", order[::-1][:EXTREMES]),
            ("Worst images", order[:EXTREMES]),
        )
    ]
