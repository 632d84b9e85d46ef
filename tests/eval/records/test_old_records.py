"""Records written before images were told from names and counts are still read, and rank as they did.

`data/measured` and `data/imported` hold the records and the leaderboard.csv that was made of them then.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from eval.records import store
from eval.records.public import public_label
from leaderboard.__main__ import main

DATA = Path(__file__).parent / "data"
# A ratio to a runtime that another machine published was shown then.
CHANGED = {"reference", "runtime_ratio"}


# Tables named data sets by their local paths then.
LABELS = ("pairs /srv/data/HR /srv/data/LR", "HR images /srv/data/HR")


def rows_of(path: Path) -> list[dict[str, str]]:
    text = path.read_text(encoding="utf-8")
    for label in LABELS:
        text = text.replace(label, public_label(label))
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize(("folder", "count"), [("measured", 8), ("imported", 3)])
def test_the_chain_is_sound(folder: str, count: int) -> None:
    assert len(store.read_all(DATA / folder)) == count
    assert store.verify_chain(DATA / folder) == []


@pytest.mark.parametrize("folder", ["measured", "imported"])
def test_the_leaderboard_is_the_one_of_then(folder: str, tmp_path: Path) -> None:
    arguments = ["--save_dir", str(DATA / folder), "--challenge", "esr2024", "--out", str(tmp_path)]
    assert main(["build", *arguments]) == 0
    before, now = rows_of(DATA / folder / "leaderboard.csv"), rows_of(tmp_path / "leaderboard.csv")
    changed = CHANGED if folder == "measured" else set()
    assert [
        {name: now_row[name] for name in row if name not in changed}
        for row, now_row in zip(before, now, strict=True)
    ] == [{name: text for name, text in row.items() if name not in changed} for row in before]
