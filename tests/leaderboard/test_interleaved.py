"""Rounds in the table: ratios decide the score, sets of ranks stand beside the rank."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from eval.challenge import load
from eval.records import store
from eval.records.rounds import EntryRun, RoundRecord
from eval.records.schema import Record
from leaderboard.__main__ import main
from leaderboard.ranking import rank
from leaderboard.summary import summarise
from tests.leaderboard.makers import record

ESR = load("esr2026")
RATIOS = {"01_A": (0.50, 0.51, 0.49), "02_B": (0.505, 0.50, 0.51), "03_C": (0.90, 0.91, 0.90)}


def evaluated(model: str, ms: float = 10.0) -> Record:
    return record(model, ms=ms, protocol="interleaved")


def rounds(campaign: str = "new", scale: float = 1.0, **changes: str) -> list[RoundRecord]:
    return [
        RoundRecord(
            campaign=campaign, number=number + 1, challenge="esr2026", dataset="DIV2K_LSDIR", baseline="00_SPAN",
            runs=[EntryRun(model=model, ratio=scale * ratios[number]) for model, ratios in RATIOS.items()],
            repeats=3, **{"device": "GPU A", **changes},
        )
        for number in range(3)
    ]  # fmt: skip


RECORDS = [evaluated("00_SPAN", 8.0), *(evaluated(model) for model in RATIOS)]


def test_the_ratio_over_rounds_decides_not_the_one_process_timed_before() -> None:
    table = rank([evaluated("00_SPAN", 8.0), evaluated("01_A", 30.0), evaluated("03_C", 1.0)], ESR, rounds())
    row = table.set_index("model").loc["01_A"]
    ratio = math.prod(RATIOS["01_A"]) ** (1 / 3)
    assert row["ratio"] == pytest.approx(ratio)
    assert row["score_runtime"] == pytest.approx(math.exp(2 * ratio))
    assert row["rounds"] == 3 and row["ratio_low"] < ratio < row["ratio_high"]
    assert "3 interleaved rounds" in row["reference"]


def test_neighbours_share_a_set_and_others_are_apart() -> None:
    table = rank(RECORDS, ESR, rounds()).set_index("model")
    sets = {model: (int(row["rank_low"]), int(row["rank_high"])) for model, row in table.iterrows()}
    assert sets == {"01_A": (1, 2), "02_B": (1, 2), "03_C": (3, 3), "00_SPAN": (4, 4)}
    assert all(low <= table.loc[model, "rank"] <= high for model, (low, high) in sets.items())


def test_costs_without_noise_can_separate_what_runtime_cannot() -> None:
    heavy = record("02_B", ms=10.0, flops_g=60.0, protocol="interleaved")
    table = rank([RECORDS[0], RECORDS[1], heavy, RECORDS[3]], ESR, rounds()).set_index("model")
    assert (table.loc["01_A", "rank_low"], table.loc["01_A", "rank_high"]) == (1, 1)


def test_without_rounds_nothing_is_claimed() -> None:
    table = rank(RECORDS, ESR)
    assert table["rank_low"].isna().all() and table["ratio"].isna().all() and (table["rounds"] == 0).all()


@pytest.mark.parametrize("changes", [{"device": "GPU B"}, {"dataset": "others"}])
def test_rounds_of_another_machine_or_data_set_say_nothing(changes: dict[str, str]) -> None:
    other = [one.model_copy(update=changes) for one in rounds()]
    assert rank(RECORDS, ESR, other)["ratio"].isna().all()


def test_the_newest_campaign_counts() -> None:
    table = rank(RECORDS, ESR, [*rounds("old", 3.0), *rounds("new")]).set_index("model")
    assert table.loc["03_C", "ratio"] == pytest.approx(0.9033, abs=1e-3) and table.loc["03_C", "rounds"] == 3


def test_the_batch_s_table_shows_the_ratio_beside_all_costs(tmp_path: Path) -> None:
    for one in rounds():
        store.append(tmp_path, one)
    printed = io.StringIO()
    summarise(RECORDS, ESR, tmp_path, set(RATIOS), Console(file=printed, width=200))
    heading = next(line for line in printed.getvalue().splitlines() if "Model" in line)
    assert [name for name in ("Runtime", "Ratio", "Params", "FLOPs", "Score") if name not in heading] == []
    assert "0.9033" in printed.getvalue()


def test_from_stored_rounds_to_the_csv(tmp_path: Path) -> None:
    for one in (*RECORDS, *rounds()):
        store.append(tmp_path / "save", one)
    arguments = [
        "build",
        "--save_dir",
        str(tmp_path / "save"),
        "--challenge",
        "esr2026",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*arguments, "--tables_only"]) == 0
    with (tmp_path / "out" / "leaderboard.csv").open() as stream:
        found = {row["model"]: row for row in csv.DictReader(stream)}
    assert (found["03_C"]["rank_low"], found["03_C"]["rank_high"], found["03_C"]["rounds"]) == ("3", "3", "3")
    assert float(found["03_C"]["ratio"]) == pytest.approx(0.9033, abs=1e-3)
    for name, sets in (("leaderboard.md", "[1-2]"), ("leaderboard.tex", "[3-3]")):
        text = (tmp_path / "out" / name).read_text().replace("\\[", "[").replace("\\]", "]")
        assert "95" in text and "ranks" in text and sets in text and "0.9033" in text


def test_the_site_shows_sets_and_intervals_and_no_track_of_bounds(tmp_path: Path) -> None:
    for one in (*RECORDS, *rounds()):
        store.append(tmp_path / "save", one)
    save, out = str(tmp_path / "save"), str(tmp_path / "out")
    assert main(["build", "--save_dir", save, "--challenge", "esr2026", "--out", out]) == 0
    page = (tmp_path / "out" / "index.html").read_text()
    assert ">[1-2]</small>" in page and ">[3-3]</small>" in page
    assert "95% interval over rounds" in page
    assert 'data-track="rank-runtime"' in page and "rank-low" not in page and "rank-high" not in page
