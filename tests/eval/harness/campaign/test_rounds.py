"""Rounds on a made-up machine: what drifts is taken out, what moves is repeated, what fails costs itself only."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from eval.failures import SubmissionFailed
from eval.harness.campaign.rounds import MOST_BRACKET_REPEATS, ProcessRun, Round, measure_round
from eval.records.schema import Flag

TRUE = {"base": 1.0, "a": 0.5, "b": 0.8, "c": 1.2, "d": 0.3, "e": 2.0}


class Machine:
    """Times entries by a fake clock; `speed` says how slow the machine is at a moment."""

    def __init__(self, speed: Callable[[float], float] = lambda _: 1.0) -> None:
        self.now_s = 0.0
        self.order: list[str] = []
        self._speed = speed

    def __call__(self, entry: str) -> ProcessRun:
        self.order.append(entry)
        self.now_s += 10.0
        slow = self._speed(self.now_s)
        return ProcessRun(tuple(TRUE[entry] * slow * size for size in (5.0, 7.0)), self.now_s)


def run(machine: Callable[[str], ProcessRun], entries: str = "abcde", seed: int = 0) -> Round:
    return measure_round(list(entries), "base", machine, random.Random(seed))


def test_the_baseline_runs_first_last_and_between_brackets() -> None:
    machine = Machine()
    run(machine)
    places = [number for number, entry in enumerate(machine.order) if entry == "base"]
    assert places == [0, 5, 7] and set(machine.order) == {*"abcde", "base"}


def test_a_machine_that_slows_down_steadily_changes_no_ratio() -> None:
    found = run(Machine(lambda now_s: 1 + now_s / 2500))
    assert {one.model: one.ratio for one in found.runs} == pytest.approx(
        {entry: TRUE[entry] for entry in "abcde"}
    )


def test_a_bracket_is_repeated_while_the_baseline_moves() -> None:
    machine = Machine(
        lambda now_s: 1.5 if now_s == 50 else 1.0
    )  # only the baseline after the first bracket is slow
    found = run(machine, "abc")
    assert found.repeated == 2  # once because it went up, once because it came down
    assert {one.model: one.ratio for one in found.runs} == pytest.approx(
        {entry: TRUE[entry] for entry in "abc"}
    )


def test_a_machine_that_never_settles_is_marked_and_ends() -> None:
    machine = Machine(lambda now_s: 1.0 if (now_s // 10) % 2 else 2.0)
    found = run(machine, "ab", 3)
    assert found.repeated <= MOST_BRACKET_REPEATS
    if found.repeated == MOST_BRACKET_REPEATS:
        assert all("the baseline moved" in one.marks[-1] for one in found.runs)


def test_an_entry_that_fails_costs_itself_only() -> None:
    machine = Machine()

    def failing(entry: str) -> ProcessRun:
        if entry == "b":
            raise SubmissionFailed("out of memory")
        return machine(entry)

    found = run(failing)
    assert found.lost == {"b": "out of memory"}
    assert {one.model for one in found.runs if one.ratio is not None} == set("acde")
    assert next(one.error for one in found.runs if one.model == "b") == "out of memory"


def test_times_that_are_not_believed_give_no_ratio() -> None:
    machine = Machine()

    def lying(entry: str) -> ProcessRun:
        one = machine(entry)
        flags = (Flag(name="timing mismatch", reason="too fast"),)
        return ProcessRun(one.times_ms, one.middle_s, flags=flags, believed=False) if entry == "c" else one

    found = run(lying)
    assert next(one for one in found.runs if one.model == "c").ratio is None
    assert sum(one.ratio is not None for one in found.runs) == 4


def test_a_baseline_that_fails_ends_the_round_by_name() -> None:
    def failing(_entry: str) -> ProcessRun:
        raise SubmissionFailed("no checkpoint")

    with pytest.raises(SubmissionFailed, match="the baseline base cannot be timed: no checkpoint"):
        run(failing)
