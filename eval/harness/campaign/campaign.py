"""A campaign: rounds until every entry's rank is settled, its interval is narrow, or rounds or time run out."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.harness.campaign.rounds import Round, TimeEntry, measure_round
from eval.records.rounds import RoundRecord
from eval.runtime import design, stopping
from eval.runtime.rank_sets import RankSet, rank_sets


@dataclass(frozen=True)
class RoundLimits:
    """rounds: at most this many. seconds: of all rounds together, None for no limit."""

    rounds: int
    seconds: float | None = None


@dataclass
class Standing:
    """What is known of all entries. ratios: by entry, one figure a round. stopped: why an entry runs no more."""

    ratios: dict[str, list[float | None]] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    rounds: int = 0

    @classmethod
    def of(cls, records: Iterable[RoundRecord]) -> Standing:
        """After these rounds, oldest first."""
        standing = cls()
        for record in records:
            standing.add(record)
        return standing

    def add(self, record: RoundRecord) -> None:
        """Take in a finished round."""
        figures = {run.model: run.ratio for run in record.runs}
        for entry in self.ratios.keys() | figures.keys():
            known = self.ratios.setdefault(entry, [])
            known += [None] * (self.rounds - len(known))
            known.append(figures.get(entry))
        self.rounds += 1
        self.stopped |= record.stopped

    def estimates(self) -> dict[str, design.Estimate]:
        """Of every entry that any round has a figure of."""
        known = {entry: [one for one in ratios if one is not None] for entry, ratios in self.ratios.items()}
        return {entry: design.estimate(ratios) for entry, ratios in known.items() if ratios}

    def rank_sets(self, confidence: float = 0.95) -> dict[str, RankSet]:
        """Simultaneous sets of the ranks by runtime."""
        entries = list(self.estimates())
        if not entries:
            return {}
        logs = np.array(
            [[_log(self.ratios[entry][number]) for entry in entries] for number in range(self.rounds)]
        )
        sets = rank_sets(logs, np.ones(len(entries)), np.nanmean(logs, axis=0), confidence)
        return dict(zip(entries, sets, strict=True))


def _log(ratio: float | None) -> float:
    return math.nan if ratio is None else math.log(ratio)


def run_rounds(
    entries: Sequence[str],
    baseline: str,
    time_entry: TimeEntry,
    limits: RoundLimits,
    standing: Standing,
    make_record: Callable[[int, Round], RoundRecord],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[RoundRecord]:
    """Measure rounds and yield each as its record; the caller stores it before it asks for the next.

    standing: of the rounds of this campaign that were stored before; every new round is added to it. A round that was
    only begun is measured again. make_record: of a round's number and findings.
    Raises SubmissionFailed if the baseline cannot be timed.
    """
    began, generator = clock(), random.SystemRandom()
    for number in range(standing.rounds + 1, limits.rounds + 1):
        running = [entry for entry in entries if entry not in standing.stopped]
        if not running or (limits.seconds is not None and clock() - began > limits.seconds):
            return
        found = measure_round(running, baseline, time_entry, generator)
        record = make_record(number, found)
        record.stopped |= found.lost
        standing.add(record)
        if stopping.PILOT_ROUNDS <= number < limits.rounds:
            record.stopped |= _settled(standing, running, limits.rounds)
            standing.stopped |= record.stopped
        yield record


def _settled(standing: Standing, running: Sequence[str], rounds: int) -> dict[str, str]:
    """Entries that need no further round. Looks happen after each round from the pilot on and share the error."""
    looks = rounds - stopping.PILOT_ROUNDS + 1
    sets = standing.rank_sets(stopping.look_confidence(looks))
    widths = {entry: one.half_width for entry, one in standing.estimates().items()}
    settled = stopping.finished(sets, widths)
    return {entry: reason for entry, reason in settled.items() if entry in running}
