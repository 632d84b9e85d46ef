"""Lines and rows of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.report import RunReporter, read_history


def test_a_line_has_a_psnr_only_after_a_validation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = RunReporter(tmp_path, line_seconds=0)
    reporter.stage_begins("l1", 2, 0, 0)
    reporter.step_done(1, 0.5, 1e-3, 4)
    reporter.validated(2, 31.25, 32.5, np.zeros((4, 4, 3), np.uint8))
    reporter.step_done(2, 0.25, 1e-3, 4)
    _, before, after = capsys.readouterr().err.splitlines()
    assert "PSNR" not in before and "nan" not in before
    assert after.startswith("l1 2/2  loss 0.25000") and "PSNR 31.25 dB" in after
    assert [row["step"] for row in read_history(tmp_path)] == [1, 2, 2]


def test_a_later_row_is_dropped_on_resuming(tmp_path: Path) -> None:
    reporter = RunReporter(tmp_path, line_seconds=0)
    reporter.stage_begins("l1", 3, 0, 0)
    for done in (1, 2):
        reporter.step_done(done, 0.5, 1e-3, 4)
    RunReporter(tmp_path).stage_begins("l1", 3, 1, 0)
    assert [row["step"] for row in read_history(tmp_path)] == [1]
