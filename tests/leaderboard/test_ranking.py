"""What `rank` does with records: order, eligibility, groups, failures and the edges of numbers."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from eval.challenge import Challenge, Ranking, load
from eval.records import store
from eval.records.schema import Flag, Record
from leaderboard import rules
from leaderboard.__main__ import main
from leaderboard.entry import Entry, Mask
from leaderboard.ranking import by_conditions, rank
from leaderboard.rules import rule_of
from leaderboard.rules.base import Rule, Standings
from leaderboard.rules.efficiency import SCORES, SUBTRACKS
from leaderboard.rules.other_images import PSNR_NOTE
from tests.leaderboard.makers import failed, mode, record

ESR = load("esr2026").model_copy(update={"device": "GPU A"})  # so that the published baseline holds here


def test_a_failed_record_is_listed_last_with_its_reason_and_no_figures() -> None:
    table = rank([failed("02_B"), record("01_A"), record("03_C", psnr=20)], ESR)
    assert list(table["model"]) == ["01_A", "03_C", "02_B"]
    last = table.iloc[-1]
    assert last["reason"] == "worker: exit status 3"
    assert not last["eligible"]
    assert table.iloc[-1][["val_psnr", "runtime_ms", "flops_g", "score_final"]].isna().all()


def test_the_runtime_is_also_told_as_the_ratio_to_the_baseline_of_its_session() -> None:
    records = [
        record("00_SPAN", ms=20, session="one"),
        record("01_A", ms=10, session="one"),
        record("00_SPAN", ms=40, session="two"),
        record("02_B", ms=10, session="two"),
    ]
    table = rank(records, ESR).set_index("model")
    assert dict(table["runtime_ratio"]) == {"00_SPAN": 1.0, "01_A": 0.5, "02_B": 0.25}
    assert set(table["reference"]) == {"00_SPAN, same session"}
    assert table.loc["00_SPAN", "runtime_ms"] == 40  # the newest evaluation ranks


def test_robust_ranks_by_the_median_in_every_column() -> None:
    def spiked(model: str, ms: float, spike: float) -> Record:
        one = record(model, ms=ms)
        for result in one.modes.values():
            assert result.runtime is not None
            result.runtime.mean = ms + spike
        return one

    table = rank([spiked("01_A", 10, 8), spiked("02_B", 11, 0)], ESR).set_index("model")
    assert dict(table["rank"]) == {"01_A": 1, "02_B": 2}
    assert list(table.loc["01_A", ["runtime_ms", "val_ms", "test_ms", "runtime_median_ms"]]) == [10.0] * 4


def test_ntire_ranks_by_the_plain_mean() -> None:
    modes = {name: mode([27.0] * 4, [30.0, 2.0, 4.0, 4.0], "ntire") for name in ("valid", "test")}
    row = rank([record("01_A", modes=modes, protocol="ntire")], ESR).iloc[0]
    assert list(row[["runtime_ms", "val_ms", "test_ms", "runtime_median_ms"]]) == [10.0, 10.0, 10.0, 4.0]


def test_the_reference_is_the_baseline_of_the_same_session() -> None:
    records = [
        record("00_SPAN", ms=20, session="one"),
        record("01_A", ms=10, session="one"),
        record("02_B", ms=10, session="two"),
    ]
    table = rank(records, ESR).set_index("model")
    assert table.loc["00_SPAN", "score_final"] == pytest.approx(math.exp(2), rel=1e-12)
    assert table.loc["01_A", "score_runtime"] == pytest.approx(math.exp(1))
    assert table.loc["01_A", "reference"] == "00_SPAN, same session"
    assert table.loc["02_B", "reference"] == "00_SPAN, same machine, other session"


@pytest.mark.parametrize("lost", ["failed", "runtime"])
def test_where_the_newest_baseline_cannot_be_used_an_earlier_one_of_the_machine_is(lost: str) -> None:
    again = failed("00_SPAN", device="GPU A", dataset="DIV2K_LSDIR", protocol="robust")
    if lost == "runtime":
        again = record("00_SPAN", modes={name: mode([27.0] * 8, None) for name in ("valid", "test")})
    baselines = [record("00_SPAN", ms=ms, session=name) for ms, name in ((40, "one"), (20, "two"))]
    again = again.model_copy(update={"session": "three"})
    records = [*baselines, again, record("01_A", ms=10, session="four")]
    for number, one in enumerate(records):
        one.sequence = number + 1
    table = rank(records, ESR).set_index("model")
    assert table.loc["01_A", "reference"] == "00_SPAN, same machine, other session"
    assert table.loc["01_A", "runtime_ratio"] == 0.5  # by the newer of the two


def test_of_two_names_of_the_baseline_the_newer_evaluation_is_the_reference() -> None:
    content = ESR.model_dump()
    content["ranking"]["baseline"]["aliases"] = ["SPAN"]
    rules = Challenge.model_validate(content)
    for names in (("00_SPAN", "SPAN"), ("SPAN", "00_SPAN")):
        records = [record(name, ms=ms) for name, ms in zip(names, (40.0, 20.0), strict=True)]
        records.append(record("01_A", ms=10))
        for number, one in enumerate(records):
            one.sequence = number + 1
        row = rank(records, rules).set_index("model").loc["01_A"]
        assert (row["runtime_ratio"], row["reference"]) == (0.5, f"{names[1]}, same session")


def test_without_a_measured_baseline_the_published_one_counts_and_the_table_says_so() -> None:
    table = rank([record("01_A", ms=7.74, flops_g=9.83, params_m=0.151)], ESR)
    assert table.loc[0, "score_final"] == pytest.approx(math.exp(2), rel=1e-12)
    assert table.loc[0, "reference"] == "00_SPAN, published"
    assert any("published baseline" in note for note in table.attrs["notes"])


def test_several_machines_get_their_own_runtime_columns_and_ranks() -> None:
    records = [record("01_A"), record("02_B"), record("01_A", ms=99, device="GPU B")]
    table = rank([*records, record("00_SPAN", ms=100, device="GPU B")], ESR)
    assert list(zip(table["rank"], table["model"], strict=True)) == [
        (1, "01_A"), (1, "02_B"), (1, "01_A"), (2, "00_SPAN"),
    ]  # fmt: skip
    other = next(column for column in table.columns if column.startswith("runtime_ms ["))
    assert "GPU B" in other
    assert table["runtime_ms"].notna().sum() == 2
    assert table[other].notna().sum() == 2


def test_images_that_are_not_the_challenges_are_ranked_by_psnr() -> None:
    records = [
        record("01_A", psnr=24, ms=1, scored_by_challenge_data=False),
        record("02_B", psnr=25, ms=9, scored_by_challenge_data=False),
    ]
    table = rank(records, ESR)
    assert list(table["model"]) == ["02_B", "01_A"]
    assert list(table["ranked_by"]) == ["psnr", "psnr"]
    assert table["eligible"].all()
    assert table[[*SCORES, *SUBTRACKS]].isna().all(axis=None)  # the columns stay, without figures
    assert PSNR_NOTE in table.attrs["notes"]


@pytest.mark.parametrize(
    ("psnr", "eligible"),
    [(26.995, True), (26.9851, True), (26.98, False), (26.9849, False), (math.inf, True)],
)
def test_thresholds_apply_after_rounding(psnr: float, eligible: bool) -> None:
    assert bool(rank([record("01_A", psnr=psnr)], ESR).loc[0, "eligible"]) is eligible


def test_a_threshold_can_be_strict() -> None:
    rules = ESR.model_dump()
    for threshold in rules["ranking"]["thresholds"]:
        threshold["decimals"] = "unrounded"
    strict = Challenge.model_validate(rules)
    table = rank([record("01_A", psnr=26.9899)], strict)
    assert table.loc[0, "reason"] == "test PSNR 26.9899 dB is below 26.99 dB"


def test_an_entry_that_skipped_the_test_images_is_not_ranked_next_to_ones_that_did_not() -> None:
    half = record("01_A", modes={"valid": mode([27.0] * 4, [5.0] * 4)})
    table = rank([half, record("02_B"), record("03_C")], ESR).set_index("model")
    assert not table.loc["01_A", "eligible"]
    assert "test PSNR was not measured" in table.loc["01_A", "reason"]


def test_where_nobody_has_test_images_the_ranking_is_provisional() -> None:
    half = record("01_A", modes={"valid": mode([27.0] * 4, [5.0] * 4)})
    table = rank([half], ESR)
    assert table.loc[0, "rank"] == 1
    assert any(note.startswith("Provisional") for note in table.attrs["notes"])


def test_unknown_flops_keep_an_entry_below_the_line() -> None:
    table = rank([record("01_A", flops_g=None)], ESR)
    assert table.loc[0, "reason"] == "flops_g is not known"


def test_equal_entries_share_a_rank_and_tie() -> None:
    table = rank([record("01_A"), record("02_B"), record("03_C", ms=20)], ESR)
    assert list(table["rank"]) == [1, 1, 3]
    assert list(table["ties with"]) == ["02_B", "01_A", ""]


def test_identical_outputs_are_flagged() -> None:
    flags = rank([record("01_A"), record("02_B", ms=4)], ESR)["flags"]
    assert all("same_outputs: the same PSNR on every image as" in text for text in flags)


def test_scores_beyond_the_largest_number_still_order() -> None:
    table = rank([record("01_A", ms=9e4), record("02_B", ms=8e4)], ESR)
    assert list(table["model"]) == ["02_B", "01_A"]
    assert table["score_final"].map(math.isinf).all()


def test_the_newest_record_of_a_model_counts() -> None:
    table = rank([record("01_A", ms=5), record("01_A", ms=8)], ESR)
    assert list(table["runtime_ms"]) == [8.0]


def test_no_records_make_an_empty_table_with_the_columns() -> None:
    table = rank([], ESR)
    assert len(table) == 0
    assert list(table.columns) == list(rank([record("01_A")], ESR).columns)
    assert table.attrs["notes"] == []


def test_a_ranking_comes_apart_into_its_groups() -> None:
    own = record("02_B", ms=7, scored_by_challenge_data=False, device="GPU B")
    table = rank([record("01_A"), record("02_B"), own], ESR)
    groups = by_conditions(table)
    assert [list(group["model"]) for group in groups.values()] == [["01_A", "02_B"], ["02_B"]]
    large, small = groups.values()
    assert list(small["runtime_ms"]) == [7.0] and list(small.columns) == list(large.columns)
    assert small.attrs["notes"] == [PSNR_NOTE] and PSNR_NOTE not in large.attrs["notes"]
    assert any("ranked apart" in note for note in table.attrs["notes"])
    assert list(by_conditions(rank([record("01_A")], ESR))) == ["GPU A, robust, DIV2K_LSDIR"]
    assert by_conditions(rank([], ESR)) == {}


def test_rank_sums_of_2022() -> None:
    rules = load("esr2022")
    extra = {"activations_m": 10.0}
    records = [
        record("01_A", psnr=29, ms=5, flops_g=30, params_m=0.3, challenge="esr2022"),
        record("02_B", psnr=29, ms=6, flops_g=10, params_m=0.1, challenge="esr2022"),
        record("03_C", psnr=28.99, ms=1, flops_g=1, params_m=0.01, challenge="esr2022"),
    ]
    for one in records:
        assert one.complexity is not None
        one.complexity.activations_m = extra["activations_m"]
        one.modes["valid"].memory_mib = 100.0
    table = rank(records, rules).set_index("model")
    assert table.loc["01_A", "rank"] == 1  # main track: runtime alone
    assert table.loc["02_B", "rank_complexity"] == 1
    assert table.loc["02_B", "ranksum_complexity"] == 2
    assert not table.loc["03_C", "eligible"]


def test_image_sr_ranks_by_the_higher_sum() -> None:
    content = load("imagesr2024").model_dump()
    content["ranking"]["terms"] = [{"metric": "psnr"}]
    rules = Challenge.model_validate(content)
    records = [record(name, psnr=30 + n, challenge=rules.name) for n, name in enumerate(("01_A", "02_B"))]
    table = rank(records, rules)
    assert list(table["model"]) == ["02_B", "01_A"]
    assert list(table["score_final"]) == [31, 30]


def test_two_gpus_are_two_machines_though_both_are_cuda_0() -> None:
    gpus = [{"gpu": {"index": 0, "name": name}, "cpu": "EPYC"} for name in ("GPU A", "GPU B")]
    records = [
        record("01_A", device="cuda:0", machine=gpus[0]),
        record("02_B", device="cuda:0", machine=gpus[0]),
        record("00_SPAN", device="cuda:0", machine=gpus[0], ms=50),
        record("03_C", device="cuda:0", machine=gpus[1], ms=1),
        record("00_SPAN", device="cuda:0", machine=gpus[1], ms=50),
    ]
    table = rank(records, ESR)
    assert list(table["conditions"]) == [f"GPU {letter}, robust, DIV2K_LSDIR" for letter in "AAABB"]
    assert list(table["rank"]) == [1, 1, 3, 1, 2]
    assert table["runtime_ms"].isna().tolist() == [False, False, False, True, True]
    assert table.loc[3, "runtime_ms [GPU B, robust, DIV2K_LSDIR]"] == 1


def test_a_processor_is_named_with_its_cores() -> None:
    machine = {"gpu": None, "cpu": "EPYC", "usable_cores": 2}
    table = rank([record("01_A", device="cpu", machine=machine)], ESR)
    assert table.loc[0, "conditions"].startswith("EPYC with 2 cores, robust")


def test_other_images_are_not_told_about_the_baseline_s_figures() -> None:
    notes = rank([record("01_A", scored_by_challenge_data=False)], ESR).attrs["notes"]
    assert notes == [PSNR_NOTE]


def test_a_reason_with_a_semicolon_stays_one_flag() -> None:
    flag = Flag(name="timing doubtful", reason="4 of 10 requests; was the machine busy?")
    table = rank([record("01_A", flags=[flag])], ESR)
    assert table.loc[0, "flags"] == "timing doubtful: 4 of 10 requests, was the machine busy?"


@pytest.mark.parametrize(
    ("changes", "scored"),
    [
        ({"device": "GPU B"}, False),
        ({"device": "cpu"}, False),
        ({"device": "RTX A6000"}, True),  # the challenge's device, as the published figures are of it
        ({"device": "NVIDIA RTX 6000 Ada Generation"}, False),
        ({"source": "imported", "imported_from": "results.json", "device": ""}, True),
        ({"source": "imported", "imported_from": "results.json", "device": "GPU B"}, False),
    ],
)
def test_the_published_runtime_holds_on_the_challenge_s_device_only(
    changes: dict[str, str], scored: bool
) -> None:
    row = rank([record("01_A", **changes)], load("esr2026")).iloc[0]
    figures = row[["score_runtime", "score_final", "runtime_ratio"]]
    assert figures.notna().all() if scored else figures.isna().all()
    assert row[["score_flops", "score_params"]].notna().all()  # they hold on every machine
    expected = "" if scored else "no score without the baseline: evaluate 00_SPAN on this machine too"
    assert (row["reason"], bool(row["eligible"])) == (expected, scored)
    assert row["reference"].startswith("00_SPAN, published")


def test_a_baseline_of_the_same_machine_gives_every_entry_of_it_a_score() -> None:
    records = [record("00_SPAN", ms=20, device="GPU B"), record("01_A", ms=10, device="GPU B", session="two")]
    table = rank(records, load("esr2026")).set_index("model")
    assert table.loc["01_A", "runtime_ratio"] == 0.5 and table["eligible"].all()


def timed(model: str, ms: float, session: str) -> Record:
    modes = {name: mode([27.0] * 4, [ms] * 4, "ntire") for name in ("valid", "test")}
    return record(model, modes=modes, protocol="ntire", session=session)


def test_the_runs_that_the_rules_ask_for_are_averaged() -> None:
    """Six runs of a model under rules that average five: the newest five count, compared with their sessions'."""
    times = [99.0, 10.0, 11.0, 12.0, 13.0, 14.0]
    records = []
    for number, ms in enumerate(times):
        records += [timed("00_SPAN", 2 * ms, str(number)), timed("01_A", ms, str(number))]
    table = rank(records, ESR).set_index("model")
    assert (table.loc["01_A", "runtime_ms"], table.loc["01_A", "runs"]) == (12.0, 5)
    assert list(table.loc["01_A", ["val_ms", "test_ms", "runtime_median_ms"]]) == [12.0] * 3
    assert table.loc["01_A", "runtime_ratio"] == pytest.approx(0.5)
    assert not any("average 5 runs" in note for note in table.attrs["notes"])


def test_fewer_runs_than_the_rules_ask_for_are_told() -> None:
    table = rank([timed("00_SPAN", 20, "one"), timed("01_A", 10, "one")], ESR)
    assert list(table["runs"]) == [1, 1]
    assert "The rules average 5 runs; 2 of 2 entries were evaluated less often." in table.attrs["notes"]


def test_runs_of_another_checkpoint_or_protocol_are_not_averaged() -> None:
    changed = timed("01_A", 20, "two")
    assert changed.submission.checkpoint is not None
    changed.submission.checkpoint.sha256 = "1" * 64
    table = rank([timed("01_A", 10, "one"), changed], ESR)
    assert (table.loc[0, "runtime_ms"], table.loc[0, "runs"]) == (20.0, 1)
    assert list(rank([record("01_A", ms=5), record("01_A", ms=8)], ESR)["runtime_ms"]) == [8.0]  # robust


def test_an_ssim_threshold_has_no_unit_of_psnr() -> None:
    content = ESR.model_dump()
    content["images"] = {}
    content["ranking"]["thresholds"] = [{"mode": "valid", "metric": "ssim", "minimum": 0.9}]
    rules = Challenge.model_validate(content)
    one = record("01_A")
    for image in one.modes["valid"].images:
        image.metrics["ssim"] = 0.75
    assert rank([one], rules).loc[0, "reason"] == "valid SSIM 0.75 is below 0.90"
    text = rule_of(rules).rule_text()
    assert text.endswith("SSIM must reach 0.90 (valid, rounded to 2 decimals).") and "dB" not in text


def test_every_output_of_2022_says_whose_counter_counts() -> None:
    of_2022 = load("esr2022")
    one = record("01_A", psnr=29, challenge="esr2022")
    assert any("counted by fvcore" in note for note in rank([one], of_2022).attrs["notes"])
    published = record("01_A", psnr=29, source="imported", imported_from="results.txt", challenge="esr2022")
    assert not any("fvcore" in note for note in rank([published], of_2022).attrs["notes"])


TOY = """
name = "toy"
title = "Toy"
year = 2030
metrics = ["psnr"]
sources = ["https://example.org"]
[ranking]
kind = "fewest_parameters"
"""


def test_a_new_kind_of_rule_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FewestParameters(Ranking):
        kind: Literal["fewest_parameters"]

    class Fewest(Rule[FewestParameters]):
        def sentence(self) -> str:
            return "Fewer parameters are better."

        def missing(self, group: list[Entry]) -> list[list[str]]:
            return [[] for _ in group]

        def scores(self, group: list[Entry], _eligible: Mask) -> Standings:
            return Standings(np.array([entry.complexity("params_m") for entry in group]))

    monkeypatch.setitem(rules.RULES, FewestParameters, Fewest)  # the line
    path = tmp_path / "toy.toml"
    path.write_text(TOY)
    for one in (record("01_A", params_m=0.2), record("02_B", params_m=0.1)):
        store.append(tmp_path / "save", one.model_copy(update={"challenge": "toy"}))
    arguments = [
        "--save_dir",
        str(tmp_path / "save"),
        "--challenge",
        str(path),
        "--out",
        str(tmp_path / "out"),
    ]
    try:
        assert main(["build", *arguments]) == 0
    finally:
        del Ranking.KINDS["fewest_parameters"]
    rows = list(csv.DictReader((tmp_path / "out" / "leaderboard.csv").open()))
    assert [(row["rank"], row["model"]) for row in rows] == [("1", "02_B"), ("2", "01_A")]
    assert "Fewer parameters are better." in (tmp_path / "out" / "index.html").read_text()


def test_the_runtime_of_one_split_is_no_runtime_of_both() -> None:
    """A runtime that was not believed is dropped; the other split alone would flatter or harm the entry."""
    one = record("01_A", ms=10)
    one.modes["valid"].runtime = None
    row = rank([one, record("02_B")], ESR).set_index("model").loc["01_A"]
    assert math.isnan(row["runtime_ms"]) and row["test_ms"] == 10.0
    assert row["reason"] == "runtime_ms is not known"
