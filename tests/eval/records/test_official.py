"""`results.json` and `results.txt`: official keys and columns, strict JSON, failures without means."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from eval.records import official, store
from eval.records.schema import (
    Complexity,
    ImageResult,
    ModeResult,
    Record,
    RuntimeSummary,
    SubmissionInfo,
)

SUMMARY = RuntimeSummary(protocol="ntire", mean=15.0, median=14.0, ci95=(10.0, 20.0), cold=20.0)


def mode(*psnr: float) -> ModeResult:
    images = [
        ImageResult(name=f"{i}", metrics={"psnr": value}, runtime_ms=10.0 + i) for i, value in enumerate(psnr)
    ]
    return ModeResult(images=images, runtime=SUMMARY, memory_mib=100.5)


def record(**more: object) -> Record:
    content: dict[str, object] = {
        "challenge": "esr2024",
        "submission": SubmissionInfo(model="25_EERN"),
        "status": "ok",
        "protocol": "ntire",
        "modes": {"valid": mode(30.0, 32.0), "test": mode(28.0)},
        "complexity": Complexity(params_m=0.657432, flops_g=41.212605, activations_m=87.217128, num_conv=27),
        **more,
    }
    return Record.model_validate(content)


def test_every_official_key_is_there() -> None:
    entry = official.results_json({"25_EERN": record()})["25_EERN"]
    assert entry["valid_psnr"] == [30.0, 32.0] and entry["valid_ave_psnr"] == 31.0
    assert entry["valid_runtime"] == [10.0, 11.0] and entry["valid_ave_runtime"] == 15.0
    assert entry["test_ave_psnr"] == 28.0 and entry["valid_memory"] == 100.5
    assert entry["activations"] == 87.217128 and entry["num_conv"] == 27
    assert entry["flops"] == 41.212605 and entry["num_parameters"] == 0.657432
    assert entry["runtime_ms"] == {
        "protocol": "ntire",
        "mean": 15.0,
        "median": 14.0,
        "ci95": [10.0, 20.0],
        "cold": 20.0,
    }


def test_infinite_psnr_makes_the_mean_infinite_and_stays_json(tmp_path: Path) -> None:
    official.write(tmp_path, [record(modes={"valid": mode(30.0, math.inf)})])
    text = (tmp_path / "results.json").read_text()
    entry = json.loads(text, parse_constant=lambda name: pytest_fail(name))["25_EERN"]
    assert entry["valid_psnr"] == [30.0, "Infinity"] and entry["valid_ave_psnr"] == "Infinity"


def pytest_fail(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_text_has_the_official_columns_and_rounding() -> None:
    header, row = official.results_text({"25_EERN": record()}).splitlines()
    assert [cell.strip() for cell in header.split("\t")] == [
        "Model", "Val PSNR", "Test PSNR", "Val Time [ms]", "Test Time [ms]", "Ave Time [ms]", "Params [M]",
        "FLOPs [G]", "Acts [M]", "Mem [M]", "Conv",
    ]  # fmt: skip
    assert [cell.strip() for cell in row.split("\t")] == [
        "25_EERN", "31.00", "28.00", "15.00", "15.00", "15.00", "0.657", "41.21", "87.22", "100.50", "27",
    ]  # fmt: skip


def test_without_a_test_set_its_columns_are_left_out() -> None:
    text = official.results_text({"25_EERN": record(modes={"valid": mode(30.0)})})
    assert "Test" not in text


def test_a_failure_has_a_reason_and_no_means() -> None:
    failed = record(status="failed", error="time limit", modes={}, complexity=None)
    entry = official.results_json({"25_EERN": failed})["25_EERN"]
    assert entry["error"] == "time limit" and entry["runtime_ms"] is None
    assert not any("ave" in key for key in entry)
    assert "# 25_EERN: failed: time limit" in official.results_text({"25_EERN": failed})


def test_the_newest_record_of_a_model_counts(tmp_path: Path) -> None:
    official.write(tmp_path, [record(), record(modes={"valid": mode(29.0)})])
    assert json.loads((tmp_path / "results.json").read_text())["25_EERN"]["valid_ave_psnr"] == 29.0


def test_a_published_table_has_means_only(tmp_path: Path) -> None:
    published = ModeResult(images=[], means={"psnr": 26.9})
    official.write(tmp_path, [record(source="imported", modes={"valid": published})])
    entry = json.loads((tmp_path / "results.json").read_text())["25_EERN"]
    assert entry["valid_ave_psnr"] == 26.9 and entry["valid_images"] == [] and "valid_psnr" not in entry


def test_an_image_without_a_metric_that_others_have_makes_no_mean(tmp_path: Path) -> None:
    images = [
        ImageResult(name="a", metrics={"psnr": 30.0}),
        ImageResult(name="b", metrics={"psnr": 30.0, "ssim": 1.0}),
    ]
    official.write(tmp_path, [record(modes={"valid": ModeResult(images=images)})])
    entry = json.loads((tmp_path / "results.json").read_text())["25_EERN"]
    assert entry["valid_ssim"] == [None, 1.0] and entry["valid_ave_ssim"] is None


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e300])
def test_only_a_metric_may_be_infinite(value: float) -> None:
    for content in (
        {"complexity": {"params_m": value}},
        {"modes": {"valid": {"images": [], "memory_mib": value}}},
        {
            "modes": {
                "valid": {
                    "images": [],
                    "runtime": {"protocol": "ntire", "mean": 1, "median": 1, "cold": value},
                }
            }
        },
    ):
        with pytest.raises(ValidationError):
            record(**content)


def test_an_infinite_psnr_survives_the_record(tmp_path: Path) -> None:
    path = store.append(tmp_path, record(modes={"valid": mode(math.inf)}))
    assert store.read(path).modes["valid"].mean("psnr") == math.inf
