"""What the two clocks and the two workers reveal, on answers made up for the purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eval.harness.timing import timed_pass
from eval.harness.timing.calibration import GapCalibration
from eval.harness.worker_process import Answer
from eval.harness.worker_setup import Setup
from eval.host.load import OtherLoad
from eval.records.schema import Flag
from eval.runtime.inputs import Variant, apply_variant
from eval.sandbox import CPU_LIMITS, Level

SETUP = Setup("cpu", 4, 64 * 64, Level.PROCESS, CPU_LIMITS)
EMPTY = np.zeros((1, 1, 3), np.uint8)


@pytest.fixture
def gap() -> GapCalibration:
    calibration = GapCalibration(SETUP)
    calibration._gaps = {1000: 1.0, 3000: 3.0}
    return calibration


def answers(*times: tuple[float, float]) -> list[Answer]:
    return [Answer(EMPTY, wall, own) for wall, own in times]


def judge(gap: GapCalibration, *times: tuple[float, float]) -> Flag | None:
    return timed_pass.judge_times(answers(*times), [(40, 50)] * len(times), gap).doubt


def test_the_gap_between_calibrated_sizes_is_interpolated_by_pixels(gap: GapCalibration) -> None:
    assert gap.gap_ms(40, 50) == pytest.approx(2.0)
    assert gap.gap_ms(10, 10) == pytest.approx(1.0)


def test_clocks_that_agree_raise_no_doubt(gap: GapCalibration) -> None:
    assert judge(gap, (102, 100), (52.5, 50)) is None


def test_hidden_time_is_a_mismatch_and_not_believed(gap: GapCalibration) -> None:
    flag = judge(gap, (202, 0.2), (203, 0.2))
    assert flag is not None and flag.name == "timing mismatch" and not timed_pass.believed(flag)


def test_a_worker_time_above_the_wall_is_a_mismatch(gap: GapCalibration) -> None:
    flag = judge(gap, (100, 101))
    assert flag is not None and flag.name == "timing mismatch"


def test_a_busy_machine_is_a_doubt_that_keeps_the_times(gap: GapCalibration) -> None:
    flag = judge(gap, (1100, 1000), (1090, 1000))
    assert flag is not None and flag.name == "timing doubtful" and timed_pass.believed(flag)


BUSY, QUIET = OtherLoad(1.4, 2), OtherLoad(0.1, 2)


def test_a_busy_machine_makes_the_runtime_unreliable(gap: GapCalibration) -> None:
    """Also where both clocks agree: a network that shares its cores is slow by both."""
    steady = answers((102, 100), (52.5, 50))
    flag = timed_pass.judge_times(steady, [(40, 50)] * 2, gap, BUSY).doubt
    assert flag is not None and timed_pass.believed(flag)
    assert flag.reason == "runtime unreliable: the machine was busy (other programs used 1.4 of 2 cores)"
    assert timed_pass.judge_times(steady, [(40, 50)] * 2, gap, QUIET).doubt is None
    apart = timed_pass.judge_times(answers((1100, 1000), (1090, 1000)), [(40, 50)] * 2, gap, QUIET).doubt
    assert apart is not None and apart.reason.startswith("runtime unreliable: the machine was briefly busy (")
    assert "2 of 2 requests" in apart.reason


def test_a_busy_processor_does_not_disturb_a_gpu(gap: GapCalibration) -> None:
    on_gpu = GapCalibration(replace(SETUP, device="cuda:0"))
    on_gpu._gaps = gap._gaps
    assert timed_pass.judge_times(answers((102, 100)), [(40, 50)], on_gpu, BUSY).doubt is None


def test_a_busy_machine_does_not_excuse_hidden_time(gap: GapCalibration) -> None:
    flag = timed_pass.judge_times(answers((202, 0.2), (203, 0.2)), [(40, 50)] * 2, gap, BUSY).doubt
    assert flag is not None and flag.name == "timing mismatch"


def test_cross_checks_are_counted_inputs_other_than_plain_images() -> None:
    inputs = timed_pass.plan_inputs([(64, 64)] * 3, 4)
    checks = timed_pass.cross_checks(inputs)
    assert len(checks) == timed_pass.CROSS_CHECKS
    assert all(not one.warm_up and one.variant != Variant() and one in inputs for one in checks)


def test_no_input_repeats_even_in_small_images() -> None:
    images = [
        np.arange(h * w * 3, dtype=np.uint16).astype(np.uint8).reshape(h, w, 3) for h, w in ((5, 4), (4, 5))
    ]
    for _ in range(200):
        planned = timed_pass.plan_inputs([image.shape[:2] for image in images], 1)
        met = [(one.image, apply_variant(images[one.image], one.variant).tobytes()) for one in planned]
        assert len(set(met)) == len(met)


def test_a_time_below_the_control_models_is_a_mismatch(gap: GapCalibration) -> None:
    """Also where the gap would explain all of it: 1e-12 ms is no time of a network."""
    assert judge(gap, (0.5, 1e-12)).name == "timing mismatch"  # type: ignore[union-attr]
    assert judge(gap, (0.5, 0.2)) is None
    gap._control = {2000: 0.5}
    flag = judge(gap, (0.5, 0.2))
    assert flag is not None and flag.name == "timing mismatch" and not timed_pass.believed(flag)


def test_time_that_one_gap_could_hide_gives_an_upper_bound(gap: GapCalibration) -> None:
    """What the allowance for a busy machine once excused: 3.8 ms stated as 0.3 ms, at a gap of 2 ms."""
    judged = timed_pass.judge_times(answers(*[(3.8, 0.3)] * 4), [(40, 50)] * 4, gap, QUIET)
    assert judged.doubt is not None and judged.doubt.name == "timing bound"
    assert judged.times_ms == pytest.approx([1.8] * 4)
    assert "between 0.3 and 1.8 ms" in judged.doubt.reason


def test_a_doubt_about_the_clocks_uses_the_upper_bounds(gap: GapCalibration) -> None:
    judged = timed_pass.judge_times(answers((1100, 1000), (1090, 1000)), [(40, 50)] * 2, gap, QUIET)
    assert judged.doubt is not None and judged.times_ms == pytest.approx([1098, 1088])


@pytest.mark.parametrize("own", [0.3, 3.0, 300.0])
def test_an_honest_pass_keeps_the_stated_times(gap: GapCalibration, own: float) -> None:
    judged = timed_pass.judge_times(answers(*[(own + 2.15, own)] * 9), [(40, 50)] * 9, gap, QUIET)
    assert judged.doubt is None and judged.times_ms == [own] * 9
