"""Official files that are not what they should be, and details of those that are."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from data.errors import InputError
from eval.challenge import load
from leaderboard.importing import import_file, read_official
from leaderboard.ranking import ordered_groups

GOOD = {
    "01_A": {
        "valid_psnr": [27.0, 28.0],
        "valid_runtime": [100.0, 4.0],
        "valid_memory": 300.5,
        "test_psnr": [29.0],
        "test_runtime": [6.0],
        "flops": 9.8,
        "num_parameters": 0.15,
        "activations": 41.0,
        "num_conv": 22,
    }
}


def write(folder: Path, content: object) -> Path:
    path = folder / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_figures_of_a_json_file(tmp_path: Path) -> None:
    (record,) = read_official(write(tmp_path, GOOD))
    assert record.source == "imported" and record.imported_from == "results.json"
    assert record.mean_runtime_ms() == (52.0 + 6.0) / 2
    assert record.modes["valid"].mean("psnr") == 27.5
    runtime = record.modes["valid"].runtime
    assert runtime is not None and (runtime.cold, runtime.median) == (100.0, 52.0)
    later = record.modes["test"].runtime
    assert later is not None and later.cold is None
    assert record.complexity is not None and record.complexity.num_conv == 22


def test_a_text_table_keeps_the_published_mean_time(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_text("Model\tVal PSNR\tVal Time [ms]\tTest Time [ms]\tAve Time [ms]\tParams [M]\n"
                    "   11_With space \t26.90 \t8.00 \t7.47 \t7.74 \t0.151\n")  # fmt: skip
    (record,) = read_official(path)
    assert record.model == "11_With space"
    assert record.mean_runtime_ms() == 7.74
    assert record.modes["valid"].mean("psnr") == 26.90
    assert record.modes["valid"].images == []


def test_the_leading_blanks_of_a_name_are_dropped(tmp_path: Path) -> None:
    content = {"         11_VSCINet": GOOD["01_A"]}
    assert [record.model for record in read_official(write(tmp_path, content))] == ["11_VSCINet"]


def test_a_failed_submission_of_our_own_results_stays_failed(tmp_path: Path) -> None:
    content = {**GOOD, "02_B": {"status": "failed", "error": "worker: killed"}}
    assert [(r.status, r.error) for r in read_official(write(tmp_path, content))] == [
        ("ok", None),
        ("failed", "worker: killed"),
    ]


def test_infinite_psnr_survives(tmp_path: Path) -> None:
    content = {"01_A": {**GOOD["01_A"], "valid_psnr": ["Infinity", 28.0]}}
    (record,) = read_official(write(tmp_path, content))
    assert record.modes["valid"].mean("psnr") == math.inf


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected a mapping from model names"),
        ("{}", "holds no model"),
        ("", "not an official results file"),
        ("a b c", "whose header names 'Model' and 'Val PSNR'"),
        (
            "Model\tVal PSNR\tFLOPs [G]\n01_A 26.9\n",
            "line 2: expected a model and 2 numbers, found '01_A 26.9'",
        ),
        ({"01_A": {"flops": 3}}, "model '01_A' has neither 'valid_psnr' nor 'test_psnr'"),
        ({"01_A": {"valid_psnr": []}}, "'valid_psnr' must be a list of numbers"),
        ({"01_A": {"valid_psnr": [1, "x"]}}, "'valid_psnr' must be a list of numbers"),
        (
            {"01_A": {"valid_psnr": [1], "valid_runtime": [1, 2]}},
            "'valid_runtime' has 2 values, 'valid_psnr' has 1",
        ),
        ({"01_A": {"valid_psnr": [1], "flops": "many"}}, "'flops' must be a number, found 'many'"),
        ('{"01_A": {"valid_psnr": [NaN]}}', "'valid_psnr' must be a list of numbers"),
        (
            '{"01_A": {"valid_psnr": [1], "valid_runtime": [Infinity]}}',
            "model '01_A': 'valid_runtime': found inf",
        ),
        (
            {"01_A": {"valid_psnr": [1], "valid_runtime": [-1]}},
            "'valid_runtime': found -1.0, expected a finite",
        ),
        ({"01_A": {"valid_psnr": ["-Infinity"]}}, "'valid_psnr': found -inf, expected a number from 0"),
        ('{"01_A": {"valid_psnr": [1], "num_conv": Infinity}}', "model '01_A': 'num_conv': found inf"),
        ('{"01_A": {"valid_psnr": [1], "flops": Infinity}}', "model '01_A': 'flops': found inf"),
        ({"01_A": {"valid_psnr": [1], "valid_memory": "Infinity"}}, "'valid_memory': found inf"),
        ({"01_A": {"valid_psnr": [1], "num_parameters": -0.1}}, "'num_parameters': found -0.1"),
        ({"01_A": {"valid_psnr": [1], "valid_ssim": ["Infinity"]}}, "'valid_ssim': found inf"),
        (
            {"01_A": {"valid_psnr": [1], "num_conv": 1e16}},
            "'num_conv': found 1e+16, expected a finite number",
        ),
        ({"01_A": {"valid_psnr": [10**400]}}, "'valid_psnr' must be a list of numbers"),
        ({"01_A": {"valid_psnr": [1], "flops": 10**400}}, "'flops' must be a number, found 1000"),
        ('{"01_A": {"valid_psnr": [1], "flops": 1' + "0" * 9000 + "}}", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ({"01_\ud800": {"valid_psnr": [1]}}, r"model '01_\ud800': the name is no valid text"),
        ({" ": {"valid_psnr": [1]}}, "model '': the name is empty"),
        ({"01_A": {"status": "failed", "error": "\ud800"}}, "model '01_A': 'error' is no valid text"),
        ("Model\tVal PSNR\tVal Time\tConv\n01_A 26.9 1.0 inf\n", "model '01_A': 'num_conv': found inf"),
        ("Model\tVal PSNR\tVal Time\n01_A 26.9 -1\n", "model '01_A': 'valid_ms': found -1.0"),
        ("Model\tVal PSNR\tFLOPs [G]\n01_A 26.9 inf\n", "model '01_A': 'flops_g': found inf"),
    ],
)
def test_wrong_files_are_named_with_what_is_wrong(tmp_path: Path, content: object, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError) as error:
        import_file(path, tmp_path / "save")
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert not (tmp_path / "save").exists()


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_official(tmp_path / "none.json")


def test_two_files_of_one_name_are_ranked_apart_unless_the_machine_is_named(tmp_path: Path) -> None:
    faster = {"01_A": {**GOOD["01_A"], "valid_runtime": [50.0, 2.0]}}
    for device, groups in (("", 2), ("NVIDIA RTX A6000", 1)):
        records = []
        for number, content in enumerate((GOOD, faster)):
            folder = tmp_path / f"{device}{number}"
            folder.mkdir()
            records += read_official(write(folder, content), device=device)
        assert len(ordered_groups(records, load("esr2026"))) == groups
