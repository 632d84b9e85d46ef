"""Time limits that the command line gives to workers."""

from __future__ import annotations

from eval.workers import Deadlines


def test_a_longer_limit_per_image_lengthens_the_others() -> None:
    slow = Deadlines.per_image(1200.0)
    assert (slow.image_s, slow.load_s, slow.total_s) == (1200.0, 600.0, 12 * 3600.0)


def test_a_shorter_limit_per_image_leaves_the_others() -> None:
    assert Deadlines.per_image(10.0) == Deadlines(image_s=10.0)
