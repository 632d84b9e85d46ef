"""What is printed after a batch: the columns that a challenge ranks by, with their units."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from eval.challenge import load
from leaderboard.summary import summarise
from tests.leaderboard.makers import record


def printed(challenge: str, save_dir: Path, **means: float) -> str:
    records = [record(name, scored_by_challenge_data=False) for name in ("01_A", "02_B")]
    for number, one in enumerate(records):
        for image in one.modes["valid"].images:
            image.metrics.update({metric: value + number for metric, value in means.items()})
    console = Console(file=io.StringIO(), width=200)
    summarise(records, load(challenge), save_dir, {"01_A", "02_B"}, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("challenge", "title"), [("esr2024", "Val PSNR [dB]"), ("imagesr2024", "Val PSNR-Y [dB]")]
)
def test_the_psnr_that_the_challenge_ranks_by_is_shown(challenge: str, title: str, tmp_path: Path) -> None:
    text = printed(challenge, tmp_path, psnr=25.0, psnr_y_float=27.5)
    assert title in text and "Runtime [ms]" in text
    expected = "28.50" if challenge == "imagesr2024" else "26.00"
    assert expected in text.splitlines()[4], text
    assert (tmp_path / "leaderboard.csv").is_file()
