"""Whether the timed worker's answers to changed inputs are as near to HR as the scored ones: three regions, each split.

A gain on one input pays for no loss on another: each loss counts from zero up. Otherwise one image that is known by
heart would buy cheap answers to all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Allowance:
    """What is taken for a network's own loss over n inputs, in dB: `many`, and `few` / sqrt(n) more."""

    many: float
    few: float

    def of(self, n: int) -> float:
        return self.many + self.few / math.sqrt(max(n, 1))


# Measured on mirrored and shifted Set5 images, LR sides of 48 pixels (PFDNLite, LKFN, SAFMN++, SMFAN, MSN, LSANet), and
# of 128 (RLFN, SlimRLFN, EERN, MSN). Bicubic instead of a network loses 2 dB in each region.
#   inside              at most 0.11 dB in the mean of losses, 0.21 dB in the 0.9 quantile, 1.0 dB on one input;
#                       RDEN 0.30 dB in the mean over three inputs of one image
#   borders, mirrored   at most 0.12 dB in the mean, 0.4 dB on one input
#   borders, shifted    at most 0.50 dB in the mean, 1.3 dB on one input: there the network sees other pixels
INSIDE = Allowance(0.1, 0.4)
INSIDE_QUANTILE = Allowance(0.5, 1.5)
QUANTILE = 0.9
MIRRORED_BORDER = Allowance(0.2, 0.4)
SHIFTED_BORDER = Allowance(1.0, 1.0)
# So much better than the scored answer to the same image no changed input is by chance: 1.0 dB was measured.
BY_HEART_DB = 4.0
# A single warm-up may be this much worse: a cheap network could answer those alone.
WARM_UP_DB = 1.5


@dataclass
class Losses:
    """Of one split, in dB, one figure an input: how much worse the answer to a changed input is than the scored one.

    inside: away from borders and seams. mirrored, shifted: along the borders, of inputs that were only mirrored, and of
    those that were shifted too. warm_ups: those of `inside` that were not counted.
    """

    inside: list[float] = field(default_factory=list)
    mirrored: list[float] = field(default_factory=list)
    shifted: list[float] = field(default_factory=list)
    warm_ups: list[float] = field(default_factory=list)

    def reasons(self) -> list[str]:
        """Why the answers are worse than the scored ones; empty if they are not."""
        n = len(self.inside)
        high = float(np.quantile(_counted(self.inside), QUANTILE)) if n else 0.0
        found = [
            *_beyond(self.inside, INSIDE, ""),
            *_beyond(self.mirrored, MIRRORED_BORDER, " along the borders"),
            *_beyond(self.shifted, SHIFTED_BORDER, " along the borders of shifted inputs"),
        ]
        if high > INSIDE_QUANTILE.of(n):
            found.append(f"one in ten of {n} is {high:.2f} dB worse, or more")
        if (worst := max(self.warm_ups, default=0.0)) > WARM_UP_DB:
            found.append(f"{worst:.2f} dB worse in the answer to a warm-up")
        return found

    def by_heart(self) -> int:
        """How many inputs were answered far better than the scored image that they were made of."""
        return sum(loss < -BY_HEART_DB for loss in self.inside)


def mean_loss(losses_db: Sequence[float]) -> float:
    """Mean in dB, gains counted as no loss; 0 for none.

    >>> mean_loss([2.0, -29.0])
    1.0
    """
    return float(np.mean(_counted(losses_db))) if losses_db else 0.0


def _counted(losses_db: Sequence[float]) -> list[float]:
    return [max(loss, 0.0) for loss in losses_db]


def _beyond(losses_db: Sequence[float], allowance: Allowance, where: str) -> list[str]:
    loss = mean_loss(losses_db)
    if loss <= allowance.of(len(losses_db)):
        return []
    return [
        f"{loss:.2f} dB worse than the scored ones{where} in the mean over {len(losses_db)} mirrored, "
        "turned or shifted inputs"
    ]
