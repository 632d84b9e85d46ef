"""Whether a network's values fit the range that its submission declares."""

from __future__ import annotations

import math

from eval.records.flags import FlagName
from eval.records.schema import Flag

# Honest networks overshoot by a few percent; 0..255 under `data_range = 1.0` is 255 times too large. An output that
# is all below a fiftieth of its range would be a black image.
_ABOVE, _BELOW, _DARK = 1.5, -0.5, 1 / 50


class OutputRange:
    """The least and the greatest value of all scored outputs, before they were clamped."""

    def __init__(self) -> None:
        self._lowest, self._highest = math.inf, -math.inf

    def meet(self, lowest: float, highest: float) -> None:
        """Take note of one output."""
        self._lowest, self._highest = min(self._lowest, lowest), max(self._highest, highest)

    def flags(self, data_range: float | None) -> list[Flag]:
        """A flag if the outputs cannot be of 0 to `data_range`."""
        if data_range is None or not self._highest >= self._lowest:
            return []
        low, high = self._lowest / data_range, self._highest / data_range
        if low >= _BELOW and _DARK <= high <= _ABOVE:
            return []
        end = "reach" if high > _ABOVE or low >= _BELOW else "go down to"
        value = self._lowest if end == "go down to" else self._highest
        reach = f"outputs {end} {_short(value)} but data_range is {data_range}"
        reason = f"{reach}: values outside 0 to {data_range} are cut"
        if 0 <= high < _DARK:
            reason = (
                f"outputs reach only {_short(value)} but data_range is {data_range}: the images are black"
            )
        return [FlagName.OUTPUT_RANGE.because(reason)]


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
