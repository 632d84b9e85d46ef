"""The description of one metric, from which everything that computes or shows it is derived."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from eval.metrics.color import COLOURS, Colour

BORDER = 4  # pixels that the challenges cut on each side
# SR and HR in the metric's colour space, and the border: the value for one pair.
MetricFunction = Callable[[NDArray[Any], NDArray[Any], int], float]


@dataclass(frozen=True)
class Metric:
    """One metric with its protocol: everything that changes its value, and how tables show it.

    name: the key in records, in rules and on the command line. kind: what is measured, whatever the colour space,
    such as `psnr`. title: how tables name it. border: pixels cut on each side. function: None if a process of its
    own computes the metric (`eval.metrics.perceptual`). least, most: the possible values; infinite_if_equal:
    infinity is one more. on_request: it is computed only if the user asks for it. smallest: the least width and
    height inside the border.
    """

    name: str
    kind: str
    title: str
    function: MetricFunction | None
    colour: Colour = "rgb"
    border: int = BORDER
    unit: str = ""
    decimals: int = 4
    higher_is_better: bool = True
    needs_reference: bool = True
    least: float = -math.inf
    most: float = math.inf
    infinite_if_equal: bool = False
    on_request: bool = False
    smallest: int = 1

    @property
    def heading(self) -> str:
        """For columns, such as `PSNR-Y [dB]`."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    @property
    def protocol(self) -> str:
        """In words, such as `PSNR, RGB uint8, border 4, mean over images`."""
        if self.function is None:
            reference = "with reference" if self.needs_reference else "no reference"
            return f"{self.name.upper()} by pyiqa, RGB 0..1, {reference}, no border, mean over images"
        return f"{self.kind.upper()}, {COLOURS[self.colour]}, border {self.border}, mean over images"

    def amount(self, value: float, decimals: int | None = None) -> str:
        """`value` with its unit, such as `26.90 dB` or `0.7712`."""
        text = f"{value:.{self.decimals if decimals is None else decimals}f}"
        return f"{text} {self.unit}" if self.unit else text
