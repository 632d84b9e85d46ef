"""Answers and times of the traced network beside those of the submission's own workers.

The work is counted on the traced network, so it must be the submission: on inputs drawn in secret among the timed ones,
and on scored images. And it must not be far slower than what it stands for: then other work is timed than is counted.
"""

from __future__ import annotations

from data.types import Image
from eval.integrity.outputs import Comparison, Key, Samples, largest_difference
from eval.records.flags import FlagName
from eval.records.schema import Flag
from eval.runtime.inputs import Variant

# How much slower the traced network may be than the submission on its fastest input. It runs the same operators; the
# machine may be busy with the start of another process meanwhile.
SLOWER_FACTOR, SLOWER_MS = 4.0, 10.0


class GraphAnswers:
    """What the traced network gave, until the timed worker has met the same inputs."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._awaited: dict[tuple[Key, Variant], tuple[Samples, float | None]] = {}
        self._differences: list[int] = []
        self._times_ms: list[tuple[float, float]] = []

    def keep(self, key: Key, change: Variant, image: Image, graph_ms: float | None = None) -> None:
        """The traced network's answer to an input that the timed worker will meet; its time if that is comparable."""
        self._awaited[key, change] = self._comparison.sample(image), graph_ms

    def keep_plain(self, key: Key, image: Image) -> None:
        """The traced network's answer to an image that was scored."""
        scored = self._comparison.scored_sample(key)
        self._differences.append(largest_difference(scored, self._comparison.sample(image)))

    def timed(self, key: Key, change: Variant, image: Image, own_ms: float) -> None:
        """The timed worker's answer to any input."""
        if (awaited := self._awaited.pop((key, change), None)) is None:
            return
        answer, graph_ms = awaited
        self._differences.append(largest_difference(answer, self._comparison.sample(image)))
        if graph_ms is not None:
            self._times_ms.append((graph_ms, own_ms))

    @property
    def difference(self) -> int | None:
        """The largest difference in grey levels; None if an answer has no counterpart."""
        return None if self._awaited or not self._differences else max(self._differences)

    def flags(self) -> list[Flag]:
        """A flag if the traced network is far slower than the submission on every input."""
        if not self._times_ms:
            return []
        graph_ms, own_ms = min(self._times_ms, key=lambda pair: pair[0] / max(pair[1], 1e-9))
        if graph_ms <= SLOWER_FACTOR * own_ms + SLOWER_MS:
            return []
        reason = (
            f"the traced network that was counted takes {graph_ms:.4g} ms, the submission itself {own_ms:.4g} ms "
            f"for the same input: what is counted is not what is timed"
        )
        return [FlagName.COMPLEXITY_NOT_ESTABLISHED.because(reason)]
