"""What a counter is: a function from a network and its recorded pass to an opinion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from eval.protocol.complexity_report import Counter
from eval.worker.counters.recorder import Recorder

CountFunction = Callable[[nn.Module, Tensor, Recorder], Counter]


def _nothing() -> None:
    """For a counter that needs no preparation."""


@dataclass(frozen=True)
class CounterEntry:
    """One row of the table of counters.

    count:   may raise anything; the error becomes the reason why there is no figure.
    prepare: imports what the counter needs, before a team's code can put something else in its place.
    """

    count: CountFunction
    prepare: Callable[[], object] = _nothing
