"""Reads single figures of official result files, and refuses what they cannot be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from data.errors import InputError
from eval.metrics.registry import METRICS
from eval.records.schema import MAX_NUMBER


def numbers_of(path: Path, model: str, results: dict[str, Any], key: str) -> list[float] | None:
    """A list of numbers, one an image; None if the key is missing. Raises InputError for anything else."""
    values = results.get(key)
    if values is None or (isinstance(values, list) and values and set(map(type, values)) == {type(None)}):
        return None  # our own results.json has a list of nulls if no runtime was kept
    found = [_real(value) for value in values] if isinstance(values, list) else []
    numbers = [number for number in found if number is not None]
    if not numbers or len(numbers) < len(found):
        raise InputError(f"{path}: model '{model.strip()}': '{key}' must be a list of numbers, one per image")
    for number in numbers:
        check_range(path, model, key, number)
    return numbers


def number_of(path: Path, model: str, results: dict[str, Any], key: str) -> float | None:
    """One number; None if the key is missing. Raises InputError for anything else."""
    value = results.get(key)
    if value is None:
        return None
    number = _real(value)
    if number is None:
        raise InputError(f"{path}: model '{model.strip()}': '{key}' must be a number, found {value!r:.40}")
    check_range(path, model, key, number)
    return number


# A positive figure below this one is none: a parameter, a FLOP and a nanosecond are more, in M, G and ms.
LEAST_FIGURE = 1e-9


def check_range(path: Path, model: str, key: str, number: float) -> None:
    """Refuse what `key` cannot be: a metric has its own bounds, others start at `LEAST_FIGURE`, or are 0."""
    metric = METRICS.get(key.split("_", 1)[-1])
    least, most = (metric.least, metric.most) if metric else (0.0, MAX_NUMBER)
    if metric is None and 0 < number < LEAST_FIGURE:
        expected = f"0, or a number from {LEAST_FIGURE:g} to {MAX_NUMBER:g}"
        raise InputError(f"{path}: model '{model.strip()}': '{key}': found {number}, expected {expected}")
    infinite = metric is not None and metric.infinite_if_equal
    if least <= number <= min(most, MAX_NUMBER) or (number == math.inf and infinite):
        return
    low, high = max(least, -MAX_NUMBER), min(most, MAX_NUMBER)
    expected = (
        f"a number from {low:g} or infinity" if infinite else f"a finite number from {low:g} to {high:g}"
    )
    raise InputError(f"{path}: model '{model.strip()}': '{key}': found {number}, expected {expected}")


def _real(value: Any) -> float | None:
    """`value` as a float; None for what is no number, for NaN and beyond the largest float."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and value not in ("Infinity", "-Infinity"):  # as our results.json has them
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if math.isnan(number) else number


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold `text`: JSON and command lines can carry halves of letters."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_number(text: str) -> bool:
    """Whether `text` is a number; NaN is none."""
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False
