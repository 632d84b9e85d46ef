"""Levels to test: those that work on this machine, the others are skipped with what stands in their way."""

from __future__ import annotations

import pytest

from eval.sandbox import Level
from eval.sandbox.probe import why_not


def _working(level: Level) -> Level:
    reason = why_not(level)
    if reason:
        pytest.skip(f"{level} does not work here: {reason}")
    return level


@pytest.fixture(params=list(Level), ids=str)
def level(request: pytest.FixtureRequest) -> Level:
    """Every level."""
    return _working(request.param)


@pytest.fixture(params=[Level.BWRAP, Level.LANDLOCK], ids=str, scope="module")
def confining(request: pytest.FixtureRequest) -> Level:
    """The levels that promise to hide files and the network."""
    return _working(request.param)
