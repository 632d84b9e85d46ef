"""Records: numbers that are no numbers, the chained store, and what damage it finds."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from data.errors import InputError
from eval.records import schema, store
from eval.records.schema import (
    ImageResult,
    ModeResult,
    Record,
    RuntimeSummary,
    SubmissionInfo,
)
from eval.runtime.statistics import summarize_robust


def record(model: str = "01_A", **changes: Any) -> Record:
    fields: dict[str, Any] = {
        "challenge": "esr2024",
        "submission": SubmissionInfo(model=model),
        "status": "ok",
    }
    return Record(**{**fields, **changes})


def images(*psnr: float) -> list[ImageResult]:
    return [ImageResult(name=str(i), metrics={"psnr": value}) for i, value in enumerate(psnr)]


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    runtime = RuntimeSummary(
        protocol="robust", mean=1.5, median=1.25, ci95=(1.0, 2.0), cold=9.0, samples_ms=[[1.0]]
    )
    mode = ModeResult(images=images(27.123456789012345, math.inf), runtime=runtime, memory_mib=3.0)
    path = store.append(tmp_path, record(modes={"valid": mode}))
    again = store.read(path)
    assert again.modes["valid"] == mode
    assert '"Infinity"' in path.read_text()
    json.loads(path.read_text(), parse_constant=pytest.fail)


def test_nan_is_refused() -> None:
    with pytest.raises(ValidationError, match="nan is not a result"):
        images(math.nan)


def test_a_partial_mean_is_no_mean() -> None:
    assert ModeResult(images=images(26.0, 28.0)).mean("psnr") == 27.0
    mixed = [*images(26.0), ImageResult(name="x", metrics={"ssim": 1.0})]
    assert ModeResult(images=mixed).mean("psnr") is None
    assert ModeResult(images=[]).mean("psnr") is None
    assert ModeResult(images=[], means={"psnr": 26.9}).mean("psnr") == 26.9
    assert ModeResult(images=images(math.inf, 28.0)).mean("psnr") == math.inf


def test_runtime_is_the_mean_of_the_modes_means() -> None:
    def mode(mean: float, count: int) -> ModeResult:
        return ModeResult(
            images=images(*[27.0] * count), runtime=RuntimeSummary(protocol="ntire", mean=mean, median=1)
        )

    both = record(modes={"valid": mode(16.18, 100), "test": mode(10.90, 1)})
    assert both.mean_runtime_ms() == pytest.approx(13.54)
    assert record().mean_runtime_ms() is None
    assert record(modes={"valid": mode(8.0, 1)}, published_runtime_ms=7.74).mean_runtime_ms() == 7.74


def test_under_robust_the_runtime_is_the_median_and_a_spike_changes_nothing() -> None:
    def mode(samples: list[list[float]]) -> ModeResult:
        found = summarize_robust(samples, cold_ms=99.0)
        runtime = RuntimeSummary(protocol="robust", mean=found.mean, median=found.median)
        return ModeResult(images=images(*[27.0] * len(samples)), runtime=runtime)

    spiked = mode([[10.0, 10.0, 400.0], *[[10.0] * 3] * 7])
    assert spiked.runtime is not None and spiked.runtime.mean == 26.25
    both = record(modes={"valid": spiked, "test": mode([[10.0] * 3] * 8)})
    assert both.mean_runtime_ms() == 10.0
    assert record(modes={"valid": spiked}).mean_runtime_ms() == spiked.mean_runtime_ms() == 10.0


def test_records_are_chained(tmp_path: Path) -> None:
    paths = [store.append(tmp_path, record(f"0{i}_A")) for i in range(3)]
    assert [path.name for path in paths] == ["000001_00_A.json", "000002_01_A.json", "000003_02_A.json"]
    assert store.verify_chain(tmp_path) == []
    assert store.read(paths[0]).previous_sha256 == schema.GENESIS
    paths[1].write_text(paths[1].read_text().replace("esr2024", "esr2025"))
    (problem,) = store.verify_chain(tmp_path)
    assert "000003_02_A.json: the record before it was changed" in problem


def test_a_removed_record_is_found(tmp_path: Path) -> None:
    paths = [store.append(tmp_path, record()) for _ in range(3)]
    paths[1].unlink()
    assert "record 000002 is missing before it" in store.verify_chain(tmp_path)[0]


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = store.append(tmp_path, record())
    path.write_text(path.read_text()[:40])
    with pytest.raises(InputError, match=r"000001_01_A\.json: not a record"):
        store.read_all(tmp_path)
    assert "not a record" in store.verify_chain(tmp_path)[0]


@pytest.mark.parametrize("records", [1, 3])
def test_the_newest_record_cannot_be_changed_or_removed_either(tmp_path: Path, records: int) -> None:
    for _ in range(records):
        path = store.append(tmp_path, record())
    content = path.read_text()
    path.write_text(content.replace("esr2024", "esr2025"))
    (problem,) = store.verify_chain(tmp_path)
    assert "HEAD: the newest record has another sha256" in problem
    path.unlink()
    assert store.verify_chain(tmp_path) == [problem]
    path.write_text(content)
    assert store.verify_chain(tmp_path) == []


def test_a_later_record_does_not_cover_up_a_changed_one(tmp_path: Path) -> None:
    store.append(tmp_path, record())
    path = store.append(tmp_path, record())
    path.write_text(path.read_text().replace("esr2024", "esr2025"))
    store.append(tmp_path, record())
    (problem,) = store.verify_chain(tmp_path)
    assert "000003_01_A.json: the record before it was changed" in problem


def test_a_harness_killed_before_it_named_the_newest_record_left_a_sound_log(tmp_path: Path) -> None:
    head = tmp_path / store.RECORDS / store.HEAD
    store.append(tmp_path, record())
    early = head.read_text()
    for _ in range(2):
        before = head.read_text()
        store.append(tmp_path, record())
        after = head.read_text()
        head.write_text(before)
        assert store.verify_chain(tmp_path) == []
        head.write_text(after)
    head.write_text(before)
    store.append(tmp_path, record())
    assert store.verify_chain(tmp_path) == []
    head.write_text(early)
    assert store.verify_chain(tmp_path) != []
    head.unlink()
    assert store.verify_chain(tmp_path) == [f"{head}: is missing"]


def test_the_head_changes_with_every_record(tmp_path: Path) -> None:
    heads = {store.head(tmp_path)}
    for _ in range(2):
        store.append(tmp_path, record())
        heads.add(store.head(tmp_path))
    assert len(heads) == 3


def test_many_writers_never_take_one_number(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=store.append, args=(tmp_path, record(f"{i:02d}_A"))) for i in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.sequence for one in store.read_all(tmp_path)] == list(range(1, 17))
    assert store.verify_chain(tmp_path) == []


def test_a_hostile_model_name_stays_in_the_folder(tmp_path: Path) -> None:
    path = store.append(tmp_path, record("../../etc/passwd\n"))
    assert path.parent == tmp_path / "records"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "save").write_text("a file")
    with pytest.raises(InputError, match="the record cannot be written"):
        store.append(tmp_path / "save", record())


def test_the_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        store.write_atomic(target, "\ud800")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_json_numbers() -> None:
    assert schema.json_number(math.inf) == "Infinity"
    assert schema.json_number(-math.inf) == "-Infinity"
    assert schema.json_number(None) is None
    with pytest.raises(ValueError):
        schema.dump_json({"x": math.nan})
