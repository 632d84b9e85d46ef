"""What is printed after a batch: the columns that a challenge ranks by, with their units."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console

from eval.challenge import load
from eval.records import store
from eval.records.schema import Record
from leaderboard.__main__ import main
from leaderboard.summary import summarise
from tests.leaderboard.makers import failed, record


def shown(records: list[Record], names: set[str], save_dir: Path) -> str:
    for number, one in enumerate(records):
        one.sequence = number + 1
    console = Console(file=io.StringIO(), width=200)
    summarise(records, load("esr2026"), save_dir, names, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_is_that_of_a_build(tmp_path: Path) -> None:
    """The baseline of an earlier session and entries on other images are part of both."""
    records = [
        record("00_SPAN", ms=8, session="one"),
        record("01_A", ms=8, session="one"),
        record("00_SPAN", ms=4, session="two"),
        record("01_A", ms=3, session="three", dataset="demo", scored_by_challenge_data=False),
        record("02_B", challenge="unknown"),
    ]
    for one in records:
        store.append(tmp_path, one)
    text = shown(records, {"01_A"}, tmp_path)
    built = main(
        ["build", "--save_dir", str(tmp_path), "--challenge", "esr2026", "--out", str(tmp_path / "o")]
    )
    assert built == 0
    assert (tmp_path / "leaderboard.csv").read_text() == (tmp_path / "o" / "leaderboard.csv").read_text()
    rows = list(csv.DictReader((tmp_path / "leaderboard.csv").open()))
    assert [row["model"] for row in rows] == ["00_SPAN", "01_A", "01_A"]
    assert rows[1]["reference"] == "00_SPAN, same session"
    assert "GPU A, robust, demo" in text and "3.00" in text  # of this batch, with its runtime
    assert "8.00" not in text and text.count("01_A") == 1


def test_each_machine_is_printed_apart(tmp_path: Path) -> None:
    records = [record("01_A"), record("02_B"), record("03_C", ms=5, device="GPU B")]
    text = shown(records, {"01_A", "03_C"}, tmp_path)
    assert text.index("GPU A, robust") < text.index("01_A") < text.index("GPU B, robust") < text.index("03_C")


def test_names_and_reasons_are_no_markup(tmp_path: Path) -> None:
    text = shown([record("[red]01_A"), failed("02_B", "no [/x] \x1b[31m")], {"[red]01_A", "02_B"}, tmp_path)
    assert "[red]01_A" in text and "no [/x]" in text and "\x1b" not in text


def test_nothing_judged_is_an_empty_table(tmp_path: Path) -> None:
    assert "Results:" in shown([], set(), tmp_path)
    assert (tmp_path / "leaderboard.csv").read_text().startswith("rank,model,")


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
