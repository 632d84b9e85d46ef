"""Rounds in the chain of records: read apart from evaluations, and found when changed or removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from eval.records import store
from eval.records.rounds import EntryRun, RoundRecord
from eval.records.schema import Record, SubmissionInfo


def round_record(number: int = 1) -> RoundRecord:
    runs = [EntryRun(model="25_EERN", ratio=1.3, times_ms=[17.5], before_ms=13.4, after_ms=13.6, share=0.5)]
    return RoundRecord(
        campaign="c", number=number, challenge="esr2024", baseline="00_RLFN_baseline", runs=runs, repeats=3
    )


def evaluation(model: str) -> Record:
    return Record(challenge="esr2024", submission=SubmissionInfo(model=model), status="failed", error="x")


def test_evaluations_and_rounds_share_one_chain(tmp_path: Path) -> None:
    store.append(tmp_path, evaluation("25_EERN"))
    path = store.append(tmp_path, round_record())
    store.append(tmp_path, evaluation("x.round"))  # a name that looks like a round's
    store.append(tmp_path, round_record(2))
    assert path.name == "000002.round.json"
    assert [one.model for one in store.read_all(tmp_path)] == ["25_EERN", "x.round"]
    assert [(one.sequence, one.number) for one in store.read_rounds(tmp_path)] == [(2, 1), (4, 2)]
    assert store.verify_chain(tmp_path) == []


def test_a_changed_round_is_found(tmp_path: Path) -> None:
    path = store.append(tmp_path, round_record())
    store.append(tmp_path, evaluation("25_EERN"))
    path.write_text(path.read_text().replace("1.3", "0.3"))
    assert any("000002" in problem and "was changed" in problem for problem in store.verify_chain(tmp_path))


def test_a_removed_round_is_found(tmp_path: Path) -> None:
    store.append(tmp_path, round_record()).unlink()
    assert store.verify_chain(tmp_path) != []


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_a_ratio_that_cannot_be_is_refused(ratio: float) -> None:
    with pytest.raises(ValidationError):
        EntryRun(model="x", ratio=ratio)
