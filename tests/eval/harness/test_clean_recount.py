"""Which inputs the traced network answers."""

from __future__ import annotations

from eval.harness import clean_recount
from eval.runtime.inputs import plan_timing

SIZES = {("valid", 0): (48, 48), ("valid", 1): (48, 48), ("valid", 2): (64, 48), ("test", 0): (48, 48)}


def draws() -> list[clean_recount.DrawnInputs]:
    planned = {"valid": plan_timing(range(3), 3, 3, 7), "test": plan_timing(range(1), 3, 3, 8)}
    return [clean_recount.draw_inputs(planned, SIZES) for _ in range(40)]


def test_inputs_are_drawn_anew_and_have_the_size_of_the_traced_image() -> None:
    found = draws()
    for one in found:
        alike = {key for key, size in SIZES.items() if size == SIZES[one.traced]}
        assert {key for key, _ in one.counted} | set(one.plain) <= alike
        assert len(one.counted) == len(set(one.counted)) == clean_recount.COUNTED_INPUTS
        assert len(one.plain) == min(clean_recount.PLAIN_IMAGES, len(alike))
    assert len({one.traced for one in found}) > 1
    assert len({tuple(one.counted) for one in found}) > 10
