"""One round: every entry once, in random order, each between two runs of the baseline."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eval.failures import SubmissionFailed
from eval.records.rounds import EntryRun
from eval.records.schema import Flag
from eval.runtime import design

MOST_BRACKET_REPEATS = 2


@dataclass(frozen=True)
class ProcessRun:
    """One entry timed in one fresh process.

    times_ms: per image, the median over its repeats. middle_s: when it was timed, by the harness's clock. believed:
    whether the two clocks agree. marks: what disturbed the machine meanwhile.
    """

    times_ms: tuple[float, ...]
    middle_s: float
    memory_mib: float | None = None
    flags: tuple[Flag, ...] = ()
    believed: bool = True
    marks: tuple[str, ...] = ()


@dataclass
class Round:
    """What a round found. lost: entries that failed, with the reason; they run no more."""

    runs: list[EntryRun] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    repeated: int = 0


# Times an entry in a fresh process. Raises SubmissionFailed.
TimeEntry = Callable[[str], ProcessRun]


def measure_round(
    entries: Sequence[str], baseline: str, time_entry: TimeEntry, generator: random.Random
) -> Round:
    """Time all entries once. Raises SubmissionFailed if the baseline itself cannot be timed."""
    found = Round()
    before = _timed_baseline(baseline, time_entry)
    for bracket in design.brackets(entries, generator):
        before = _measure_bracket(bracket, before, baseline, time_entry, found)
    return found


def _measure_bracket(
    bracket: design.Bracket, before: ProcessRun, baseline: str, time_entry: TimeEntry, found: Round
) -> ProcessRun:
    """Run a bracket, again while the baseline moves too much; returns the baseline run that ends it."""
    for attempt in range(1 + MOST_BRACKET_REPEATS):
        runs = {
            entry: _attempt(entry, time_entry, found) for entry in bracket.entries if entry not in found.lost
        }
        after = _timed_baseline(baseline, time_entry)
        moved = design.drift(before.times_ms, after.times_ms)
        if moved <= design.DRIFT or attempt == MOST_BRACKET_REPEATS:
            break
        found.repeated += 1
        before = after
    marks = (f"the baseline moved by {moved:.1%} meanwhile",) if moved > design.DRIFT else ()
    for entry, run in runs.items():
        found.runs.append(_figure(entry, run, before, after, marks, found.lost.get(entry)))
    return after


def _timed_baseline(baseline: str, time_entry: TimeEntry) -> ProcessRun:
    try:
        run = time_entry(baseline)
    except SubmissionFailed as failure:
        raise SubmissionFailed(f"the baseline {baseline} cannot be timed: {failure}") from None
    if not run.believed:
        reason = "; ".join(flag.reason for flag in run.flags)
        raise SubmissionFailed(f"the baseline {baseline} cannot be timed: {reason}")
    return run


def _attempt(entry: str, time_entry: TimeEntry, found: Round) -> ProcessRun | None:
    try:
        return time_entry(entry)
    except SubmissionFailed as failure:
        found.lost[entry] = str(failure)
        return None


def _figure(
    entry: str,
    run: ProcessRun | None,
    before: ProcessRun,
    after: ProcessRun,
    marks: tuple[str, ...],
    error: str | None,
) -> EntryRun:
    if run is None:
        return EntryRun(model=entry, error=error)
    share = _share(run.middle_s, before.middle_s, after.middle_s)
    ratio = design.ratio(run.times_ms, before.times_ms, after.times_ms, share) if run.believed else None
    return EntryRun(
        model=entry,
        ratio=ratio,
        times_ms=list(run.times_ms),
        before_ms=sum(before.times_ms),
        after_ms=sum(after.times_ms),
        share=share,
        memory_mib=run.memory_mib,
        flags=list(run.flags),
        marks=[*run.marks, *before.marks, *after.marks, *marks],
        error=None if run.believed else "its times are not believed",
    )


def _share(middle_s: float, before_s: float, after_s: float) -> float:
    return min(max((middle_s - before_s) / (after_s - before_s), 0.0), 1.0) if after_s > before_s else 0.5
