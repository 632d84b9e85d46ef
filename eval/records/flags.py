"""Every flag that a record or a table can carry: its name, what it means and what follows from it.

A flag never fails a submission. It is shown wherever the figures are shown. Records keep the name as text, so that
records with names of other versions can be read. Adding a flag is one member here and one row in docs/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from eval.records.schema import Flag


class Consequence(str, Enum):
    """What follows from a flag besides being shown."""

    SHOWN = "shown only"
    NO_RUNTIME = "no runtime is recorded"
    UPPER_BOUND = "the runtime is an upper bound"
    COMPLEXITY_IN_DOUBT = "the complexity is marked as not established"


@dataclass(frozen=True)
class FlagEntry:
    """One row of the table."""

    meaning: str
    consequence: Consequence = Consequence.SHOWN


class FlagName(str, Enum):
    """Names as records and tables show them."""

    # What the harness finds while it measures
    NOT_REPRODUCIBLE = "not reproducible"
    WORSE_WHEN_TIMED = "worse when timed"
    KNOWN_BY_HEART = "known by heart"
    TIMING_DOUBTFUL = "timing doubtful"
    TIMING_MISMATCH = "timing mismatch"
    TIMING_BOUND = "timing bound"
    THREADS_ADDED = "threads added"
    COMPLEXITY_NOT_ESTABLISHED = "complexity not established"
    COMPLEXITY_NOT_CONFIRMED = "complexity not confirmed"
    WORK_ADDED = "work added"
    ANOTHER_COUNTER = "another counter"
    OPERATORS_UNCOUNTED = "operators uncounted"
    CONVOLUTIONS_UNCOUNTED = "convolutions uncounted"
    PARAMETERS_ELSEWHERE = "parameters elsewhere"
    PARAMETERS_UNUSED = "parameters unused"
    CHECKPOINT_ADAPTED = "checkpoint adapted"
    UNPICKLED = "unpickled"
    OUTPUT_RANGE = "output range"
    BELOW_BICUBIC = "below bicubic"
    EQUAL_TO_HR = "equal to HR"
    METRIC_MISSING = "metric missing"
    FOLDER_TIMES = "folder times"
    SURPLUS_FILES = "surplus files"
    # What a table finds when it compares entries
    COLD_START = "cold_start"
    IMPLAUSIBLE_FLOPS = "implausible_flops"
    IMPLAUSIBLE_GAP = "implausible_gap"
    SAME_CHECKPOINT = "same_checkpoint"
    SAME_OUTPUTS = "same_outputs"

    @property
    def entry(self) -> FlagEntry:
        """This flag's row of the table."""
        return TABLE[self]

    def because(self, reason: str) -> Flag:
        """The flag as a record holds it.

        >>> FlagName.UNPICKLED.because("full unpickling was allowed")
        Flag(name='unpickled', reason='full unpickling was allowed')
        """
        return Flag(name=self.value, reason=reason)


TABLE: dict[FlagName, FlagEntry] = {
    FlagName.NOT_REPRODUCIBLE: FlagEntry("the timed worker's images differ from the scored ones"),
    FlagName.WORSE_WHEN_TIMED: FlagEntry(
        "the timed worker's answers to changed inputs are worse than the scored ones", Consequence.NO_RUNTIME
    ),
    FlagName.KNOWN_BY_HEART: FlagEntry("single images are far better than the network's own level"),
    FlagName.TIMING_DOUBTFUL: FlagEntry("a disturbance of the machine, or a small gap between the clocks"),
    FlagName.TIMING_MISMATCH: FlagEntry(
        "the worker's clock and the parent's disagree", Consequence.NO_RUNTIME
    ),
    FlagName.TIMING_BOUND: FlagEntry(
        "the parent's clock leaves more than 5% room for a longer time", Consequence.UPPER_BOUND
    ),
    FlagName.THREADS_ADDED: FlagEntry("a worker ran on more threads than the organiser's setting allows"),
    FlagName.COMPLEXITY_NOT_ESTABLISHED: FlagEntry(
        "counters disagree, saw nothing, or count differently on another input or size",
        Consequence.COMPLEXITY_IN_DOUBT,
    ),
    FlagName.COMPLEXITY_NOT_CONFIRMED: FlagEntry(
        "the count could not be repeated outside the submission's process", Consequence.COMPLEXITY_IN_DOUBT
    ),
    FlagName.WORK_ADDED: FlagEntry(
        "the FLOPs include work that fvcore counts as zero: operators with a known formula, or products and sums"
    ),
    FlagName.ANOTHER_COUNTER: FlagEntry("fvcore failed, so the FLOPs are those of torch's counter"),
    FlagName.OPERATORS_UNCOUNTED: FlagEntry("a counter met operators that it does not know"),
    FlagName.CONVOLUTIONS_UNCOUNTED: FlagEntry(
        "convolutions do not run as called modules, so the official activations leave them out"
    ),
    FlagName.PARAMETERS_ELSEWHERE: FlagEntry("weights are used that parameters() does not count"),
    FlagName.PARAMETERS_UNUSED: FlagEntry("parameters are never read in a forward pass"),
    FlagName.CHECKPOINT_ADAPTED: FlagEntry("prefixes of wrappers were taken off the checkpoint's names"),
    FlagName.UNPICKLED: FlagEntry("the checkpoint was unpickled in full, as was allowed"),
    FlagName.OUTPUT_RANGE: FlagEntry("the network's outputs do not fit its data range"),
    FlagName.BELOW_BICUBIC: FlagEntry("the images are worse than bicubic interpolation"),
    FlagName.EQUAL_TO_HR: FlagEntry("images are equal to the ground truth"),
    FlagName.METRIC_MISSING: FlagEntry("a metric that was asked for could not be computed"),
    FlagName.FOLDER_TIMES: FlagEntry("how the times of a program on folders were measured"),
    FlagName.SURPLUS_FILES: FlagEntry("files in a results folder belong to no image"),
    FlagName.COLD_START: FlagEntry("the first call of the process raises the mean runtime"),
    FlagName.IMPLAUSIBLE_FLOPS: FlagEntry("far fewer FLOPs than the parameters need"),
    FlagName.IMPLAUSIBLE_GAP: FlagEntry("a figure several times better than the next entry's"),
    FlagName.SAME_CHECKPOINT: FlagEntry("another submission has the same checkpoint"),
    FlagName.SAME_OUTPUTS: FlagEntry("another submission has the same PSNR on every image"),
}


def joined(flags: list[Flag]) -> list[Flag]:
    """One flag per name, in the order of first appearance; reasons of equal names are joined by semicolons."""
    reasons: dict[str, list[str]] = {}
    for flag in flags:
        reasons.setdefault(flag.name, []).append(flag.reason)
    return [Flag(name=name, reason="; ".join(parts)) for name, parts in reasons.items()]


def complexity_in_doubt(flags: list[Flag]) -> bool:
    """Whether one of the flags says that the complexity is not established."""
    doubtful = {
        name.value for name, entry in TABLE.items() if entry.consequence is Consequence.COMPLEXITY_IN_DOUBT
    }
    return any(flag.name in doubtful for flag in flags)
