"""What the submissions of a batch share, and what is known of one while it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.text import without_controls
from eval.harness.plan import Plan
from eval.harness.progress import BatchReporter
from eval.harness.scoring.reference import BicubicReference
from eval.harness.scoring.saved_images import Pictures
from eval.harness.scoring.scorer_pool import ScorerPool
from eval.harness.timing.calibration import GapCalibration
from eval.records.schema import Complexity, Flag, ModeResult

# What a record keeps of a submission's output.
_LINES_KEPT, _LINE_LENGTH = 20, 200


@dataclass(frozen=True)
class Shared:
    """The plan of a batch, and what serves all its submissions."""

    plan: Plan
    pool: ScorerPool
    pictures: Pictures
    reference: BicubicReference
    gap: GapCalibration
    reporter: BatchReporter


@dataclass
class Findings:
    """Grows during an evaluation and becomes the record. modes: results by split. output: last printed lines."""

    modes: dict[str, ModeResult] = field(default_factory=dict)
    complexity: Complexity | None = None
    flags: list[Flag] = field(default_factory=list)
    data_range: float | None = None
    model: str = ""
    architecture: str = ""
    output: list[str] = field(default_factory=list)

    def hear(self, printed: bytes) -> None:
        """Keep the last lines of what a process of the submission printed."""
        text = without_controls(printed.decode("utf-8", "replace"))
        lines = [line.strip()[:_LINE_LENGTH] for line in text.split("\n") if line.strip()]
        self.output = [*self.output, *(line for line in lines if line not in self.output)][-_LINES_KEPT:]
