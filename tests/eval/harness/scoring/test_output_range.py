"""Which outputs cannot be of the range that a submission declares."""

from __future__ import annotations

import pytest

from eval.harness.scoring.output_range import OutputRange


@pytest.mark.parametrize(
    ("data_range", "outputs", "reason"),
    [
        (1.0, [(0.0, 1.0)], None),
        (1.0, [(-0.12, 1.2), (0.1, 0.4)], None),  # honest networks overshoot
        (255.0, [(-9.0, 263.0)], None),
        (255.0, [(0.0, 6.0)], None),  # a dark image
        (1.0, [(0.0, 254.0)], "outputs reach 254 but data_range is 1.0"),
        (1.0, [(0.1, 0.9), (0.0, 2.0)], "outputs reach 2 but data_range is 1.0"),
        (1.0, [(-1.0, 1.0)], "outputs go down to -1 but data_range is 1.0"),
        (255.0, [(0.0, 1.0)], "outputs reach only 1 but data_range is 255.0: the images are black"),
        (255.0, [], None),
        (None, [(0.0, 999.0)], None),
    ],
)
def test_output_range(
    data_range: float | None, outputs: list[tuple[float, float]], reason: str | None
) -> None:
    met = OutputRange()
    for lowest, highest in outputs:
        met.meet(lowest, highest)
    found = met.flags(data_range)
    assert [flag.name for flag in found] == (["output range"] if reason else [])
    assert not reason or found[0].reason.startswith(reason)
