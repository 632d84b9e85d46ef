"""Small charts as inline SVG: they follow the page's theme and need no script."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from markupsafe import Markup, escape

from leaderboard.entry import Array

_WIDTH, _HEIGHT = 520, 218
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 18, 42
# Times below a nanosecond are drawn as one, and values that are closer than this, in proportion, as equal: records may
# hold numbers between which a scale has no room.
_LEAST_MS, _LEAST_SPREAD = 1e-6, 1e-9
Placed = Callable[[float], float]  # a value's place on an axis, in pixels


def histogram(values: Array, unit: str, description: str, bins: int = 30) -> Markup:
    """Distribution of finite `values`, with zero and the median marked. Empty if nothing is finite.

    values: one float64 per image.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Markup("")
    counts, edges = np.histogram(finite, bins=min(bins, max(5, len(finite) // 4)), range=_range(finite))
    low, high = float(edges[0]), float(edges[-1])
    across = _scale(low, high, _LEFT, _WIDTH - _RIGHT)
    up = _scale(0, float(counts.max()), _HEIGHT - _BOTTOM, _TOP)
    bars = "".join(
        f'<rect class="bars" x="{across(a) + 0.5:.1f}" y="{up(n):.1f}" '
        f'width="{max(across(b) - across(a) - 1, 1):.1f}" height="{_HEIGHT - _BOTTOM - up(n):.1f}"/>'
        for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    median = float(np.median(finite))
    marks = _vertical(
        across(median), "median", f"median {median:+.3f}" if low < 0 else f"median {median:.2f}"
    )
    if low < 0 < high:
        x = f"{across(0):.1f}"
        marks += f'<line class="zero" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
    return _svg(bars + marks + _axis(low, high, across, unit) + _counts(float(counts.max()), up), description)


def sequence(times: Array, cold: bool, description: str) -> Markup:
    """Runtime of each image in the order of the pass, on a logarithmic scale; a cold first call stands out.

    times: milliseconds, one float64 per image.
    """
    times = np.where(times > 0, np.maximum(times, _LEAST_MS), np.nan)
    finite = times[np.isfinite(times)]
    if len(finite) < 2:
        return Markup("")
    cold = cold and math.isfinite(times[0])
    low, high = float(finite.min()) / 1.15, float(finite.max()) * 1.25
    across = _scale(1, len(times), _LEFT, _WIDTH - _RIGHT)
    up_log = _scale(math.log(low), math.log(high), _HEIGHT - _BOTTOM, _TOP)
    dots = "".join(
        f'<circle class="{"cold" if cold and i == 0 else "dots"}" cx="{across(i + 1):.1f}" '
        f'cy="{up_log(math.log(time)):.1f}" r="{4 if cold and i == 0 else 1.8}"/>'
        for i, time in enumerate(times)
        if math.isfinite(time)
    )
    median = float(np.median(finite))
    y = up_log(math.log(median))
    marks = f'<line class="median" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    marks += "".join(
        f'<text x="{_LEFT - 6}" y="{up_log(math.log(tick)) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in _log_ticks(low, high)
    )
    if cold:
        first = up_log(math.log(times[0]))
        marks += (
            f'<text class="cold" x="{_LEFT + 12}" y="{first + 4:.1f}">first call {times[0]:.1f} ms</text>'
        )
    return _svg(dots + marks + _axis(1, len(times), across, "image, in the order of the pass"), description)


def _range(values: Array) -> tuple[float, float]:
    """Ends of an axis for finite `values` (float64, any shape): theirs, or around them if they are nearly equal."""
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    if high - low > _LEAST_SPREAD * max(size, 1.0):
        return low, high
    around = max(0.5, _LEAST_SPREAD * size)
    return low - around, high + around


def _scale(low: float, high: float, start: float, end: float) -> Placed:
    span = (high - low) or 1.0
    return lambda value: start + (float(value) - low) / span * (end - start)


def _vertical(x: float, css: str, text: str) -> str:
    anchor = "end" if x > _WIDTH * 0.7 else "start"
    shift = -5 if anchor == "end" else 5
    return (
        f'<line class="{css}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{x + shift:.1f}" y="{_TOP - 4}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _axis(low: float, high: float, across: Placed, unit: str) -> str:
    base = _HEIGHT - _BOTTOM
    ticks = "".join(
        f'<text x="{across(tick):.1f}" y="{base + 15}" text-anchor="middle">{tick:g}</text>'
        for tick in _nice_ticks(low, high)
    )
    return (
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>{ticks}'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">{escape(unit)}</text>'
    )


def _counts(high: float, up: Placed) -> str:
    return f'<text x="{_LEFT - 6}" y="{up(high) + 4:.1f}" text-anchor="end">{high:.0f}</text>'


def _nice_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    span = high - low
    if span <= 0:
        return [low]
    raw = span / wanted
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step)
    return [float(f"{i * step:.12g}") for i in range(first, math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    ticks = [tick for tick in fine if low <= tick <= high]
    if len(ticks) < 2:
        return _nice_ticks(low, high, 3)
    return ticks if len(ticks) <= 6 else [tick for tick in ticks if f"{tick:e}".startswith("1")]


def _svg(content: str, description: str) -> Markup:
    # Everything in `content` is numbers or escaped; descriptions hold model names.
    return Markup(
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(description)}">'
        f"{content}</svg>"
    )
