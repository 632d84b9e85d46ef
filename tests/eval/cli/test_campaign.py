"""`--compare` and `--protocol interleaved` from files on disk to the figures in the table."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from eval.records import store
from tests.conftest import ROOT
from tests.eval import toy

Pairs = tuple[Path, Path]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "test_demo.py", *map(str, arguments), "--device", "cpu", "--repeats", "1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500)


def test_rounds_from_the_command_to_the_table(tmp_path: Path, tiny_pairs: Pairs) -> None:
    repo = toy.write_repo(tmp_path / "repo", {0: toy.honest("Base"), 1: toy.honest("One")})
    compare = ("--repo", repo, "--compare", 0, 1, "--pairs", *tiny_pairs, "--save_dir", tmp_path / "out")
    first = run(*compare, "--rounds", 2)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Campaign: at most 2 rounds, each of 1 entries and 2 runs of the baseline 00_Base" in first.stdout
    rounds = store.read_rounds(tmp_path / "out")
    assert [(one.number, one.baseline, [run.model for run in one.runs]) for one in rounds] == [
        (1, "00_Base", ["01_One"]),
        (2, "00_Base", ["01_One"]),
    ]
    ratios = [one.runs[0].ratio for one in rounds]
    with (tmp_path / "out" / "leaderboard.csv").open() as stream:
        row = next(row for row in csv.DictReader(stream) if row["model"] == "01_One")
    if None not in ratios:  # a busy machine can make a time unbelievable
        geometric = (ratios[0] * ratios[1]) ** 0.5  # type: ignore[operator]
        assert float(row["ratio"]) == pytest.approx(geometric)
        assert float(row["ratio_low"]) <= geometric <= float(row["ratio_high"])
        assert row["rounds"] == "2"
    assert store.verify_chain(tmp_path / "out") == []

    again = run(*compare, "--rounds", 3, "--resume")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "already evaluated, skipped" in again.stdout and "2 of them done" in again.stdout
    assert [one.number for one in store.read_rounds(tmp_path / "out")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--compare", "25", "--model_id", "21"], "leave out --model_id"),
        (["--model_id", "25", "--protocol", "interleaved"], "not among the submissions; add its id"),
        (["--model_id", "25", "--protocol", "interleaved", "--challenge", "imagesr2024"], "use --compare"),
        (["--compare", "0", "25", "--rounds", "0"], "at least 1"),
    ],
)
def test_a_campaign_that_cannot_be_run_is_refused_before_anything_is_measured(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    done = run(*arguments, "--save_dir", tmp_path / "out")
    assert done.returncode == 2 and words in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()
