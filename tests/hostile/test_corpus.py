"""Every hostile submission ends with its verdict; the honest one in the same batch has its numbers."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import pytest

from eval.sandbox import Level
from eval.sandbox.probe import why_not
from tests.hostile import arena, corpus, verdicts
from tests.hostile.arena import Outcome
from tests.hostile.corpus import Hostile

CORPUS = corpus.corpus()
PROTOCOLS = ("ntire", "robust")
Pairs = tuple[Path, Path]


@lru_cache(maxsize=1)
def strongest() -> Level | None:
    return next((level for level in Level if not why_not(level)), None)


@cache
def _batch(pairs: Pairs, level: Level, protocol: str, everything: bool) -> Outcome:
    members = [one for one in CORPUS if one.protocol == protocol and level in one.levels]
    return arena.run(pairs, level, protocol, [one for one in members if everything or one.is_default])


@cache
def _alone(pairs: Pairs, level: Level, protocol: str) -> Outcome:
    return arena.run(pairs, level, protocol, [])


def _level(level: Level | None) -> Level:
    if level is None:
        pytest.skip("no level works here")
    reason = why_not(level)
    if reason:
        pytest.skip(f"{level} does not work here: {reason}")
    return level


def _check(one: Hostile, outcome: Outcome) -> None:
    record = outcome.records[one.name]
    problems = [verdicts.contradiction(expected, record, outcome.honest) for expected in one.expected]
    assert not any(problems), "; ".join(filter(None, problems))
    assert "BREACH" not in (record.error or "")
    assert (record.error or "").isprintable()


def _figures(outcome: Outcome) -> dict[str, object]:
    """The honest submission's complexity, without what the counters themselves took."""
    assert outcome.honest.complexity is not None
    return outcome.honest.complexity.model_dump(exclude={"counters"})


def _flags(outcome: Outcome) -> set[str]:
    """Names of the honest submission's flags."""
    return {flag.name for flag in outcome.honest.flags}


def _check_batch(outcome: Outcome, alone: Outcome) -> None:
    assert verdicts.psnr(outcome.honest) == verdicts.psnr(alone.honest)
    assert _figures(outcome) == _figures(alone)
    # Its requests take less than a millisecond, so on a busy machine any of them may come late
    timing = {"timing doubtful", "timing mismatch", "timing bound"}
    assert _flags(outcome) - timing == _flags(alone) - timing
    assert _flags(alone) - timing <= {"below bicubic"}, (
        "its toy network is worse than bicubic, and nothing else"
    )
    assert outcome.status == 1, "some failed"
    assert outcome.changed == [] and outcome.heard == [] and outcome.survivors == []


def test_every_submission_states_its_verdict_and_what_it_does() -> None:
    assert len(CORPUS) >= 25
    for one in CORPUS:
        compile(one.file.read_text(), one.name, "exec")
        assert one.levels and one.protocol in PROTOCOLS


DEFAULT = [one for one in CORPUS if one.is_default]


@pytest.mark.parametrize("one", DEFAULT, ids=lambda one: one.name)
def test_verdict_at_the_strongest_level(one: Hostile, tiny_pairs: Pairs) -> None:
    level = _level(strongest())
    if level not in one.levels:
        pytest.skip(f"nothing is promised at level {level}")
    _check(one, _batch(tiny_pairs, level, one.protocol, False))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_honest_one_has_the_numbers_that_it_has_alone(protocol: str, tiny_pairs: Pairs) -> None:
    level = _level(strongest())
    if protocol == "robust":
        outcome, alone = _batch(tiny_pairs, level, protocol, False), _alone(tiny_pairs, level, "ntire")
        assert verdicts.psnr(outcome.honest) == verdicts.psnr(alone.honest)
        assert _figures(outcome) == _figures(alone)
        assert [flag for flag in outcome.honest.flags if flag.name.startswith("complexity")] == []
        assert outcome.changed == [] and outcome.survivors == []
    else:
        _check_batch(_batch(tiny_pairs, level, protocol, False), _alone(tiny_pairs, level, protocol))


@pytest.mark.slow
@pytest.mark.parametrize("level", list(Level), ids=str)
@pytest.mark.parametrize("one", CORPUS, ids=lambda one: one.name)
def test_verdict_at_every_level(one: Hostile, level: Level, tiny_pairs: Pairs) -> None:
    if level not in one.levels:
        pytest.skip(f"nothing is promised at level {level}")
    _check(one, _batch(tiny_pairs, _level(level), one.protocol, True))


@pytest.mark.slow
@pytest.mark.parametrize("level", list(Level), ids=str)
def test_the_honest_one_at_every_level(level: Level, tiny_pairs: Pairs) -> None:
    outcome = _batch(tiny_pairs, _level(level), "ntire", True)
    _check_batch(outcome, _alone(tiny_pairs, level, "ntire"))
