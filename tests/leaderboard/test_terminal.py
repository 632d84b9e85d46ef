"""Tables on terminals of any width: names and numbers stay whole."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from leaderboard.tables.terminal import TextColumn, print_line, to_terminal

NAMES = ["25_EERN", "04_A_network_with_a_rather_long_name", "[red]07[/x]"]
NUMBERS = ["26.9042", "1.50e06", "–"]


def printed(width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    columns = [
        TextColumn("Rank", ["1", "2", "–"], keep=True),
        TextColumn("Model", NAMES, left=True, keep=True),
        *(
            TextColumn(f"Figure {letter} [dB]", [letter + number for number in NUMBERS])
            for letter in "abcdef"
        ),
        TextColumn("Note", ["", "timing doubtful", "failed"], left=True),
    ]
    to_terminal(console, "Title", columns)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 81, 100, 200])
def test_names_and_numbers_are_never_cut(width: int) -> None:
    text = printed(width)
    assert "…" not in text
    for word in [*NAMES, *(letter + number for letter in "abcdef" for number in NUMBERS[:2]), "failed"]:
        assert word in text, (word, width)
    assert "Figure f [dB]" in " ".join(text.split()) or "f26.9042 │" in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, printed(width).splitlines())) <= width


def test_a_wide_terminal_has_everything_in_the_table() -> None:
    lines = printed(200).splitlines()
    row = next(line for line in lines if "25_EERN" in line)
    assert all(f"{letter}26.9042" in row for letter in "abcdef")
    assert not [line for line in lines if line.startswith("25_EERN:")]


def test_a_line_breaks_at_spaces_only() -> None:
    console = Console(file=io.StringIO(), width=20)
    print_line(console, "a/very/long/path/without/any/space and [b] more words here")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "a/very/long/path/without/any/space",
        "  and [b] more words",
        "  here",
    ]
