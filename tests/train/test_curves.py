"""Curves as SVG: well-formed, every stage named, every figure drawn."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from train.curves import draw, main, smoothed, ticks

ROWS = [
    {"step": 1, "stage": "l1", "loss": 0.5, "lr": 1e-3},
    {"step": 2, "stage": "l1", "psnr_db": 20.0, "psnr_y_db": 21.5},
    {"step": 5, "stage": "l2<b>", "loss": 0.25, "lr": 1e-4},
    {"step": 6, "stage": "l2<b>", "psnr_db": 22.0, "psnr_y_db": 23.5},
]


def test_picture_is_well_formed_and_holds_every_curve() -> None:
    tree = ElementTree.fromstring(draw(ROWS, "a & b"))
    lines = [element.get("points", "").split() for element in tree.iter() if element.tag.endswith("polyline")]
    assert [len(line) for line in lines] == [1, 1, 2, 2]  # the loss of each stage, PSNR, PSNR-Y
    texts = {element.text for element in tree.iter()}
    assert {"a & b", "l1", "l2<b>", "PSNR-Y (dB)", "0.5 to 0.5"} <= texts


def test_smoothing_is_a_mean_over_what_came_before() -> None:
    assert smoothed([(1, 4.0), (2, 2.0), (3, 0.0)], 2) == [(1, 4.0), (2, 3.0), (3, 1.0)]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (28.41, 30.52), (0, 13), (-80, -20), (5, 5)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert all(low <= tick <= high for tick in found) and len(found) <= 7


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "x.svg")]) == 2
    assert "holds no figures" in capsys.readouterr().err
    text = "".join(json.dumps(row) + "\n" for row in ROWS) + '{"step": 7, "sta'
    (tmp_path / "history.jsonl").write_text(text, encoding="utf-8")
    assert main([str(tmp_path), str(tmp_path / "x.svg")]) == 0
    assert (tmp_path / "x.svg").read_text(encoding="utf-8").startswith("<svg")
