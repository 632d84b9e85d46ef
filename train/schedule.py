"""Learning rates as pure functions of the step: nothing to save, so nothing to restore on resuming."""

from __future__ import annotations

import math
from collections.abc import Sequence


def constant(step: int, *, lr: float) -> float:
    """The rate `lr` at every `step`."""
    del step
    return lr


def cosine(step: int, *, lr: float, lr_min: float, steps: int) -> float:
    """From `lr` at step 0 to `lr_min` at step `steps`-1 along half a cosine (SGDR, ICLR 2017, no restart)."""
    done = min(step / max(steps - 1, 1), 1.0)
    return lr_min + (lr - lr_min) * (1 + math.cos(math.pi * done)) / 2


def halving(step: int, *, lr: float, at: Sequence[int]) -> float:
    """`lr` halved at each step listed in `at`. That step is the first with the lower rate."""
    return lr * 0.5 ** sum(step >= milestone for milestone in at)


def warmup(step: int, *, steps: int) -> float:
    """Factor of the rate: linear from 1/`steps` at step 0 to 1 at step `steps`-1, then 1. No warm-up if `steps` is 0.

    Adam's first updates have full length whatever the gradient, which would undo part of a warm start.
    """
    return min((step + 1) / steps, 1.0) if steps else 1.0


def cubic_sparsity(event: int, events: int, *, final: float, initial: float = 0.0) -> float:
    """Sparsity after pruning `event` of `events` (1-based), 0..1: s_f + (s_i - s_f) * (1 - event/events)^3.

    Source: Zhu & Gupta, "To prune, or not to prune" (2017), equation 1. Pruning is fast while much is redundant,
    and slow at the end.
    """
    return final + (initial - final) * (1 - min(event / events, 1.0)) ** 3
