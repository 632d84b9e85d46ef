"""The control model: started early, idle until it is asked, and replaced if somebody ends it."""

from __future__ import annotations

from eval.harness.timing import calibration
from eval.harness.timing.calibration import GapCalibration
from eval.harness.worker_setup import Setup
from eval.sandbox import CPU_LIMITS, Level

SETUP = Setup("cpu", 4, 64 * 64, Level.PROCESS, CPU_LIMITS)


def test_the_control_model_calibrates_a_small_gap_once() -> None:
    gap = GapCalibration(SETUP)
    gap.prepare()
    gap.settle()
    worker = gap._worker
    gap.prepare()
    assert worker is not None and gap._worker is worker
    gap.measure([(16, 16), (64, 64)])
    assert 0 <= gap.gap_ms(64, 64) < 1000 and 0 < gap.control_ms(64, 64) < 1000
    assert gap._worker is None
    gap.prepare()  # everything is known: no further process
    assert gap._worker is None


def test_a_control_worker_that_was_killed_is_replaced() -> None:
    gap = GapCalibration(SETUP)
    gap.prepare()
    assert gap._worker is not None
    gap._worker._process.kill()
    gap.settle()
    gap.measure([(16, 16)])
    assert 0 <= gap.gap_ms(16, 16) < 1000


def test_at_most_four_sizes_are_run() -> None:
    sizes = [(side, side) for side in range(10, 30)]
    picked = calibration._picked(sizes)
    assert len(picked) == 4 and {(10, 10), (29, 29)} <= picked
    assert calibration._picked([(5, 7), (5, 7)]) == {(5, 7)}
