"""How tables and pages print a number."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

LARGE = 1e5


def known(value: Any) -> bool:
    """Whether a figure is there: neither None nor NaN."""
    return value is not None and value is not pd.NA and not (isinstance(value, float) and math.isnan(value))


def format_number(value: Any, decimals: int) -> str:
    """`value` with fixed decimals; scientific from 100,000 on, `∞`, and a dash for a missing one.

    >>> format_number(26.904, 2), format_number(1.5e6, 2), format_number(None, 2)
    ('26.90', '1.50e06', '–')
    """
    if not known(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= LARGE:
        return f"{value:.2e}".replace("e+", "e")
    return f"{value:.{decimals}f}"
