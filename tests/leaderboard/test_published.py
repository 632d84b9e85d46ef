"""The published tables of 2024 and 2026, with the expected numbers written out here."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from eval import challenge
from eval.records import store
from leaderboard import audit, importing
from leaderboard.ranking import rank

# Facts of the 2026 results: scores by hand from results.json, with the measured baseline as the reference.
SCORES_2026 = {
    "22_SPANV2_ESR_C2": 3.873, "01_PDS": 5.835, "16_PKDSR_FINAL_CKPT": 5.990, "18_DISP": 6.067,
    "15_DSCF_Fused": 7.201, "00_SPAN": 7.389, "20_ERRN2": 14.263,
}  # fmt: skip
# The same by hand from the printed table: model -> (ave time, FLOPs, params), divided by 7.74, 9.83 and 0.151.
PRINTED_2026 = {
    "22_SPANV2_ESR_C2": (5.24, 1.59, 0.139), "01_PDS": (6.70, 9.25, 0.142),
    "16_PKDSR_FINAL_CKPT": (6.80, 9.40, 0.144), "18_DISP": (6.51, 10.69, 0.164),
    "15_DSCF_Fused": (7.88, 8.22, 0.126), "00_SPAN": (7.74, 9.83, 0.151), "20_ERRN2": (9.37, 16.06, 0.246),
    "17_AMCANet": (18.26, 5.24, 0.086), "10_HFENet": (33.64, 8.91, 0.144), "04_ZenoSR": (45.46, 2.68, 0.038),
    "05_SPANMamba_single_1_4T05": (38.53, 33.40, 1.106), "11_VSCINet": (50.79, 3.30, 0.051),
    "06_HAESR": (86.08, 26.61, 0.353), "12_DWMamba": (106.49, 19.34, 0.674),
}  # fmt: skip
COLD_2026 = {
    "04_ZenoSR", "05_SPANMamba_single_1_4T05", "06_HAESR", "009_RFDN_SPAN", "10_HFENet", "11_VSCINet",
    "12_DWMamba", "15_DSCF_Fused", "20_ERRN2", "21_SAFMN", "22_SPANV2_ESR_C2",
}  # fmt: skip
EXCLUDED_2026 = {"009_RFDN_SPAN", "21_SAFMN"}


@pytest.fixture(scope="module")
def table_2026(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    save_dir = tmp_path_factory.mktemp("2026")
    importing.import_file(shared / "reference" / "ntire2026_results.json", save_dir)
    return rank(store.read_all(save_dir), challenge.load("esr2026"))


def test_scores_of_the_2026_results(table_2026: pd.DataFrame) -> None:
    ranked = table_2026[table_2026["eligible"]]
    assert list(ranked["model"])[:7] == list(SCORES_2026)
    for model, score in SCORES_2026.items():
        found = ranked.set_index("model").loc[model, "score_final"]
        assert math.floor(found * 1000 + 0.5) / 1000 == pytest.approx(score, abs=0.0006)


def test_the_printed_2026_table_scores_as_by_hand(shared: Path) -> None:
    records = importing.read_official(shared / "reference" / "ntire2026_results.txt")
    table = rank(records, challenge.load("esr2026"))
    ranked = table[table["eligible"]].set_index("model")
    assert set(ranked.index) == set(PRINTED_2026)
    for model, (ms, flops, params) in PRINTED_2026.items():
        parts = [math.exp(2 * ms / 7.74), math.exp(2 * flops / 9.83), math.exp(2 * params / 0.151)]
        by_hand = 0.8 * parts[0] + 0.1 * parts[1] + 0.1 * parts[2]
        assert ranked.loc[model, "score_final"] == pytest.approx(by_hand, rel=1e-12)
        assert ranked.loc[model, "score_runtime"] == pytest.approx(parts[0], rel=1e-12)


def test_two_2026_entries_stand_below_the_line(table_2026: pd.DataFrame) -> None:
    below = table_2026[~table_2026["eligible"]].set_index("model")
    assert set(below.index) == EXCLUDED_2026
    assert below.loc["009_RFDN_SPAN", "reason"] == "test PSNR 26.98 dB is below 26.99 dB"
    assert below["rank"].isna().all()
    assert list(table_2026["model"])[-2:] == ["009_RFDN_SPAN", "21_SAFMN"]


def test_the_2024_baseline_scores_7_3891_in_every_track() -> None:
    path = Path(__file__).parent / "data" / "esr2024_results.txt"
    table = rank(importing.read_official(path), challenge.load("esr2024"))
    scores = table.loc[0, ["score_runtime", "score_flops", "score_params", "score_final"]]
    assert [round(float(score), 4) for score in scores] == [7.3891] * 4
    assert table.loc[0, "rank"] == 1


def test_audit_names_what_is_known_of_the_2026_results(shared: Path) -> None:
    records = importing.read_official(shared / "reference" / "ntire2026_results.json")
    rules = audit.guess_challenge(records)
    assert rules.name == "esr2026"
    report = audit.audit(records, rules)["groups"][0]
    assert {item["model"] for item in report["cold_starts"]} == COLD_2026
    first = [item["first_ms"] for item in report["cold_starts"]]
    assert (round(min(first)), round(max(first))) == (102, 348)
    assert [item["model"] for item in report["implausible_flops"]] == ["22_SPANV2_ESR_C2"]
    assert "1.59 G with 0.139 M parameters" in report["implausible_flops"][0]["reason"]
    assert len(report["below_threshold_unrounded"]) == 7
    assert set(report["below_threshold_rounded"]) == EXCLUDED_2026
    changed = {(pair["track"], pair["first"], pair["second"], pair["by"]) for pair in report["changed_pairs"]}
    assert ("final", "01_PDS", "18_DISP", "median runtime") in changed
    assert ("final", "16_PKDSR_FINAL_CKPT", "18_DISP", "median runtime") in changed
    assert ("runtime", "00_SPAN", "15_DSCF_Fused", "without the first call") in changed


def test_audit_of_the_printed_table_takes_the_times_from_the_json_file_beside_it(
    shared: Path, tmp_path: Path
) -> None:
    beside = shared / "reference" / "ntire2026_results.txt"
    report = audit.audit(audit.records_of(beside), challenge.load("esr2026"))["groups"][0]
    assert {item["model"] for item in report["cold_starts"]} == COLD_2026
    alone = tmp_path / "results.txt"
    shutil.copyfile(beside, alone)
    report = audit.audit(audit.records_of(alone), challenge.load("esr2026"))
    assert report["groups"][0]["cold_starts"] == []
    assert "Cold starts inside the mean\n    not known" in audit.report_text(report)
    (tmp_path / "results.json").write_text('{"01_Other": {"valid_psnr": [27.0]}}')  # of other models
    assert len(audit.records_of(alone)) == 16


def test_the_baseline_and_the_system_behind_it_tie(table_2026: pd.DataFrame) -> None:
    ties = table_2026.set_index("model")["ties with"]
    assert ties["00_SPAN"] == "15_DSCF_Fused"
    assert ties["15_DSCF_Fused"] == "00_SPAN"
    assert ties["22_SPANV2_ESR_C2"] == ""


def test_subtrack_ranks_of_2026(table_2026: pd.DataFrame) -> None:
    by_model = table_2026.set_index("model")
    assert by_model.loc["22_SPANV2_ESR_C2", "rank_runtime"] == 1
    assert by_model.loc["18_DISP", "rank_runtime"] == 2
    assert by_model.loc["04_ZenoSR", "rank_params"] == 1


def test_importing_twice_adds_nothing(shared: Path, tmp_path: Path) -> None:
    source = shared / "reference" / "ntire2026_results.json"
    copy = tmp_path / "results.json"
    shutil.copyfile(source, copy)
    assert len(importing.import_file(copy, tmp_path / "save")) == 16
    assert importing.import_file(copy, tmp_path / "save") == []
    assert store.verify_chain(tmp_path / "save") == []
    json.loads(copy.read_text())  # the source is as it was
