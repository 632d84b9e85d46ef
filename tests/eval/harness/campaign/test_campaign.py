"""A campaign on a made-up machine: it goes on where it was stopped, and stops by a named rule only."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from eval.failures import SubmissionFailed
from eval.harness.campaign.campaign import RoundLimits, Standing, run_rounds
from eval.harness.campaign.rounds import ProcessRun, Round
from eval.records.rounds import RoundRecord
from eval.runtime.rank_sets import RankSet

TRUE = {"base": 1.0, "a": 0.50, "b": 0.505, "c": 0.9, "d": 1.4}


def noisy(noise: float, seed: int = 0) -> Callable[[str], ProcessRun]:
    """A machine whose processes vary by `noise`, and whose speed wanders."""
    generator, state = random.Random(seed), {"now": 0.0, "speed": 0.0}

    def time_entry(entry: str) -> ProcessRun:
        state["now"] += 10.0
        state["speed"] += generator.gauss(0, 0.003)
        factor = TRUE[entry] * math.exp(state["speed"] + generator.gauss(0, noise))
        return ProcessRun((5 * factor, 8 * factor), state["now"])

    return time_entry


def as_record(number: int, found: Round) -> RoundRecord:
    return RoundRecord(
        campaign="c", number=number, challenge="esr2024", baseline="base", runs=found.runs, repeats=3
    )


def campaign(
    time_entry: Callable[[str], ProcessRun], limits: RoundLimits, done: list[RoundRecord] | None = None
) -> list[RoundRecord]:
    return list(run_rounds(list("abcd"), "base", time_entry, limits, standing_of(done or []), as_record))


def standing_of(records: list[RoundRecord]) -> Standing:
    return Standing.of(records)


def test_estimates_are_near_the_truth_and_ranks_inside_their_sets() -> None:
    standing = standing_of(campaign(noisy(0.004), RoundLimits(8)))
    for entry, estimate in standing.estimates().items():
        assert estimate.ratio == pytest.approx(TRUE[entry], rel=0.02)
    sets = standing.rank_sets()
    assert sets["c"] == RankSet(3, 3) and sets["d"] == RankSet(4, 4)
    assert sets["a"].low == 1 and sets["b"].high == 2


def test_entries_leave_when_their_rank_is_settled() -> None:
    records = campaign(noisy(0.002), RoundLimits(10))
    stopped = {entry: (one.number, why) for one in records for entry, why in one.stopped.items()}
    assert {"c", "d"} <= stopped.keys()
    assert stopped["d"][0] < 10 and "rank cannot change" in stopped["d"][1]
    later = [run.model for one in records if one.number > stopped["d"][0] for run in one.runs]
    assert "d" not in later


def test_no_entry_leaves_during_the_pilot() -> None:
    assert all(not one.stopped for one in campaign(noisy(0.0001), RoundLimits(10))[:2])


def test_a_campaign_goes_on_where_it_was_stopped() -> None:
    first = campaign(noisy(0.01), RoundLimits(2))
    second = campaign(noisy(0.01, 1), RoundLimits(5), first)
    assert [one.number for one in first + second] == list(range(1, len(first + second) + 1))
    assert standing_of(first + second).rounds == len(first + second) <= 5


def test_what_stopped_stays_stopped_after_a_restart() -> None:
    first = campaign(noisy(0.01), RoundLimits(1))
    first[0].stopped["a"] = "its rank cannot change any more"
    assert all(run.model != "a" for one in campaign(noisy(0.01), RoundLimits(3), first) for run in one.runs)


def test_the_time_limit_ends_it_with_what_is_known() -> None:
    moments = iter(range(0, 1000, 100))
    found = list(
        run_rounds(
            list("abcd"),
            "base",
            noisy(0.01),
            RoundLimits(9, 250.0),
            Standing(),
            as_record,
            lambda: float(next(moments)),
        )
    )
    assert [one.number for one in found] == [1, 2]


def test_a_failing_entry_is_stopped_with_its_reason() -> None:
    machine = noisy(0.01)

    def failing(entry: str) -> ProcessRun:
        if entry == "b":
            raise SubmissionFailed("out of memory")
        return machine(entry)

    records = campaign(failing, RoundLimits(3))
    assert records[0].stopped == {"b": "out of memory"}
    assert all(run.model != "b" for one in records[1:] for run in one.runs)
    assert set(standing_of(records).estimates()) == set("acd")
