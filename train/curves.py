"""`python -m train.curves OUT PICTURE.svg` draws loss and PSNR of a run over all its stages."""

from __future__ import annotations

import argparse
import math
import sys
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from data.errors import InputError
from train.report import read_history
from train.saving import write_bytes

_WIDTH, _PANEL, _LEFT, _TOP, _GAP = 860, 240, 70, 40, 50
Points = list[tuple[float, float]]


class Panel(NamedTuple):
    """One diagram: a title with its unit, its lines, its range, the values beside it, a note on each stage."""

    title: str
    lines: list[Points]
    low: float
    high: float
    ticks: list[float]
    notes: dict[str, str]


def draw(rows: list[dict[str, Any]], title: str) -> str:
    """The SVG of a history (see `train.report`). Raises InputError if the history holds no figures."""
    panels = [_loss_panel(rows)] if any("loss" in row for row in rows) else []
    for key, name in (("psnr_db", "PSNR, RGB (dB)"), ("psnr_y_db", "PSNR-Y (dB)")):
        points = [(row["step"], row[key]) for row in rows if key in row]
        panels += [_panel_of(name, points)] if points else []
    if not panels:
        raise InputError("history.jsonl: holds no figures; expected a run that has begun")
    last = max(row["step"] for row in rows)
    height = _TOP + len(panels) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="15">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, _TOP + 10 + number * (_PANEL + _GAP), last, _stage_ends(rows))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel_of(title: str, points: Points) -> Panel:
    values = [value for _, value in points]
    margin = (max(values) - min(values)) * 0.05 or 1.0
    low, high = min(values) - margin, max(values) + margin
    return Panel(title, [points], low, high, ticks(low, high), {})


def _loss_panel(rows: list[dict[str, Any]]) -> Panel:
    """The loss, from 0 to 1 within each stage, because stages with different losses share no scale."""
    stages: dict[str, Points] = {}
    for row in rows:
        if "loss" in row:
            stages.setdefault(row["stage"], []).append((row["step"], row["loss"]))
    lines, notes = [], {}
    for name, points in stages.items():
        means = smoothed(points, 20)
        values = [value for _, value in means]
        low, span = min(values), max(values) - min(values) or 1.0
        lines.append([(step, (value - low) / span) for step, value in means])
        notes[name] = f"{values[0]:.3g} to {values[-1]:.3g}"
    return Panel("loss (mean of 20 rows), each stage on a scale of its own", lines, -0.05, 1.25, [], notes)


def smoothed(points: Points, window: int) -> Points:
    """Each value replaced by its mean with up to `window`-1 values before it."""
    means = []
    for place, (step, _) in enumerate(points):
        recent = [value for _, value in points[max(place - window + 1, 0) : place + 1]]
        means.append((step, math.fsum(recent) / len(recent)))
    return means


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values between `low` and `high`."""
    rough = (high - low) / count or abs(low) or 1.0
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = math.ceil(low / step)
    return [(first + number) * step for number in range(math.floor(high / step) - first + 1)]


def _stage_ends(rows: list[dict[str, Any]]) -> dict[str, int]:
    ends: dict[str, int] = {}
    for row in rows:
        ends[row["stage"]] = max(row["step"], ends.get(row["stage"], 0))
    return ends


def _panel(panel: Panel, top: int, last: int, stages: dict[str, int]) -> list[str]:
    bottom, right = top + _PANEL - 20, _WIDTH - 20

    def x(step: float) -> float:
        return _LEFT + (right - _LEFT) * step / max(last, 1)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - panel.low) / (panel.high - panel.low)

    parts = [f'<text x="{_LEFT}" y="{top - 6}" font-weight="bold">{escape(panel.title)}</text>']
    for tick in panel.ticks:
        parts.append(f'<path d="M{_LEFT} {y(tick):.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.6g}</text>')
    for tick in ticks(0, last, 8):
        parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{tick:.6g}</text>')
    start = 0
    for place, (name, end) in enumerate(stages.items()):
        parts.append(f'<path d="M{x(end):.1f} {top}V{bottom}" stroke="#888" stroke-dasharray="4 3"/>')
        parts.append(f'<text x="{x(start) + 4:.1f}" y="{top + 12}" fill="#666">{escape(name)}</text>')
        note = escape(panel.notes.get(name, ""))
        parts.append(
            f'<text x="{x(start) + 4:.1f}" y="{top + 26 + place % 2 * 12}" fill="#666">{note}</text>'
        )
        start = end
    for points in panel.lines:
        line = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="#1f6fb4" stroke-width="1.5"/>')
        if panel.ticks:
            parts += [f'<circle cx="{x(s):.1f}" cy="{y(v):.1f}" r="2.5" fill="#1f6fb4"/>' for s, v in points]
    return [
        *parts,
        f'<path d="M{_LEFT} {top}V{bottom}H{right}" fill="none" stroke="#333"/>',
    ]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train.curves", description=__doc__)
    parser.add_argument("out", type=Path, help="the --out folder of a run")
    parser.add_argument("picture", type=Path, help="SVG file to write")
    parser.add_argument("--title", default="")
    options = parser.parse_args(arguments)
    try:
        picture = draw(read_history(options.out), options.title or f"Training in {options.out.name}")
        write_bytes(options.picture, picture.encode())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
