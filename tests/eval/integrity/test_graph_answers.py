"""The traced network's answers and times beside those of the submission's workers."""

from __future__ import annotations

import numpy as np
import pytest

from data.types import Image
from eval.integrity.graph_answers import GraphAnswers
from eval.integrity.outputs import Comparison
from eval.runtime.inputs import Variant

KEY = ("valid", 0)
FIRST, SECOND = Variant(flip_x=True), Variant(flip_y=True)
IMAGE: Image = np.full((8, 8, 3), 100, np.uint8)


@pytest.fixture
def answers() -> GraphAnswers:
    comparison = Comparison(4)
    comparison.keep_scored(KEY, IMAGE, IMAGE)
    return GraphAnswers(comparison)


def test_every_answer_needs_a_counterpart(answers: GraphAnswers) -> None:
    assert answers.difference is None, "nothing was compared"
    answers.keep(KEY, FIRST, IMAGE)
    answers.keep_plain(KEY, IMAGE)
    assert answers.difference is None, "an answer is awaited"
    answers.timed(KEY, SECOND, IMAGE + 50, 1.0)
    assert answers.difference is None, "another input says nothing"
    answers.timed(KEY, FIRST, IMAGE + 3, 1.0)
    assert answers.difference == 3


def test_one_input_that_differs_is_enough(answers: GraphAnswers) -> None:
    for change in (FIRST, SECOND):
        answers.keep(KEY, change, IMAGE)
    answers.timed(KEY, FIRST, IMAGE, 1.0)
    answers.timed(KEY, SECOND, IMAGE + 9, 1.0)
    answers.timed(KEY, SECOND, IMAGE, 1.0)
    assert answers.difference == 9


def test_scored_pixels_are_demanded(answers: GraphAnswers) -> None:
    answers.keep_plain(KEY, IMAGE + 7)
    assert answers.difference == 7


@pytest.mark.parametrize(
    ("graph_ms", "own_ms", "flagged"),
    [
        ([100.0, 100.0], [90.0, 90.0], False),
        ([300.0, 100.0], [50.0, 50.0], False),  # one input came at a busy moment
        ([300.0, 300.0], [50.0, 50.0], True),
        ([8.0, 8.0], [0.1, 0.1], False),  # a network of a few operators
    ],
)
def test_a_graph_far_slower_than_the_submission_is_told(
    answers: GraphAnswers, graph_ms: list[float], own_ms: list[float], flagged: bool
) -> None:
    for change, graph, own in zip((FIRST, SECOND), graph_ms, own_ms, strict=True):
        answers.keep(KEY, change, IMAGE, graph)
        answers.timed(KEY, change, IMAGE, own)
    found = answers.flags()
    assert bool(found) is flagged
    if flagged:
        assert found[0].name == "complexity not established"
        assert "takes 300 ms, the submission itself 50 ms" in found[0].reason
