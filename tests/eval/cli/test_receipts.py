"""A participant's receipt beside the organiser's run: what agrees, what differs, and what does not compare."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from eval.challenge import ClaimTolerances
from eval.claims.compare import Judgement
from eval.cli.receipts import compare_receipt
from eval.records.schema import Complexity, ImageResult, ModeResult, Record, RuntimeSummary, SubmissionInfo
from eval.validation.receipt import Receipt
from tests.conftest import ROOT
from tests.eval import toy

DIGEST, OTHER = "a" * 64, "b" * 64
FIGURES = {"psnr_valid_db": 26.9024, "params_m": 0.657432, "runtime_ms": 17.5, "memory_mib": 550.0}


def record(**changes: Any) -> Record:
    image = ImageResult(name="0801", metrics={"psnr": 26.9024}, runtime_ms=17.5)
    runtime = RuntimeSummary(protocol="robust", mean=17.5, median=17.5)
    content: dict[str, Any] = {
        "challenge": "esr2024",
        "submission": SubmissionInfo(model="25_EERN"),
        "status": "ok",
        "modes": {"valid": ModeResult(images=[image], runtime=runtime, memory_mib=550.0)},
        "complexity": Complexity(params_m=0.657432),
        "image_digests": {"valid": DIGEST},
        "protocol": "robust",
        "machine": {"cpu": "EPYC", "python": "3.11.7", "packages": {"torch": "2.8.0"}},
    }
    return Record(**{**content, **changes})


def receipt(**changes: Any) -> Receipt:
    content: dict[str, Any] = {
        "model": "25_EERN",
        "challenge": "esr2024",
        "figures": FIGURES,
        "image_digests": {"valid": DIGEST},
        "device": "EPYC",
        "protocol": "robust",
        "versions": {"harness": "1.0", "python": "3.11.7", "torch": "2.8.0"},
    }
    return Receipt(**{**content, **changes})


def compared(stated: Receipt, measured: Record) -> dict[str, Judgement]:
    return {one.claim: one for one in compare_receipt(stated, measured, ClaimTolerances())}


def test_an_equal_run_confirms_everything() -> None:
    found = compared(receipt(), record())
    assert list(found) == ["status", "versions", *FIGURES]
    assert {one.verdict for one in found.values()} == {"confirmed"}


@pytest.mark.parametrize(
    ("name", "stated"),
    [("psnr_valid_db", 26.95), ("params_m", 0.657433), ("runtime_ms", 12.0), ("memory_mib", 400.0)],
)
def test_another_figure_is_contradicted(name: str, stated: float) -> None:
    found = compared(receipt(figures={**FIGURES, name: stated}), record())
    assert found[name].verdict == "contradicted" and "stated" in found[name].reason
    assert sum(one.verdict == "contradicted" for one in found.values()) == 1


@pytest.mark.parametrize(
    ("changes", "names", "reason"),
    [
        ({"image_digests": {"valid": OTHER}}, {"psnr_valid_db"}, "validated on other images"),
        ({"image_digests": {}}, {"psnr_valid_db"}, "validated on other images"),
        ({"device": "RTX 3090"}, {"runtime_ms", "memory_mib"}, "validated on RTX 3090, measured on EPYC"),
        ({"protocol": "ntire"}, {"runtime_ms"}, "validated by protocol ntire, measured by robust"),
        ({"challenge": "esr2025"}, set(FIGURES), "validated under esr2025, judged under esr2024"),
        ({"versions": {"torch": "2.6.0"}}, {"versions"}, "torch 2.6.0, here 2.8.0"),
        ({"versions": {"timm": "1.0"}}, {"versions"}, "timm 1.0, here absent"),
    ],
)
def test_what_differs_in_the_conditions_is_not_compared(
    changes: dict[str, Any], names: set[str], reason: str
) -> None:
    found = compared(receipt(**changes), record())
    assert {one.claim for one in found.values() if one.verdict == "not comparable"} == names
    assert {one.reason for one in found.values() if one.claim in names} == {reason}


def test_a_submission_that_fails_here_contradicts_its_receipt() -> None:
    failed = record(status="failed", error="out of memory", modes={}, complexity=None)
    (one,) = compared(receipt(), failed).values()
    assert one.verdict == "contradicted" and one.reason.endswith("failed: out of memory")


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def test_a_receipt_is_compared_from_the_participant_to_the_table(
    tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    """What `eval.validate` wrote, the files as handed in, then another checkpoint than was validated."""
    (tmp_path / "team42_Net.py").write_text(toy.NETWORK)
    (tmp_path / "team42_Net.toml").write_text(f"{toy.MANIFEST}\n[checkpoint]\nfile = 'team42.pth'\n")
    torch.save({"gain": torch.ones(1)}, tmp_path / "team42.pth")
    file, images = tmp_path / "receipt.json", ["--pairs", *tiny_pairs, "--device", "cpu"]
    validated = run("eval.validate", tmp_path / "team42_Net.toml", *images, "--receipt", file)
    assert validated.returncode == 0, validated.stdout
    chosen = ["--models", tmp_path, "--model_id", "42", "--protocol", "ntire", "--save_dir", tmp_path / "out"]
    how = [*chosen, *images, "--receipt", file]

    done = run("eval.verify", *how, "--json")
    found = {one["claim"]: one["verdict"] for one in json.loads(done.stdout)}
    files = ("team42_Net.py", "team42_Net.toml", "team42.pth")
    expected = (
        "status",
        "versions",
        "psnr_valid_db",
        "params_m",
        "convs",
        *(f"file {name}" for name in files),
    )
    assert {name: found[name] for name in expected} == dict.fromkeys(expected, "confirmed")

    torch.save({"gain": torch.full((1,), 2.0)}, tmp_path / "team42.pth")
    done = run("eval.verify", *how)
    assert done.returncode == 1 and "another file than was validated" in done.stdout
    assert "file team42.pth" in done.stdout and "stated" in done.stdout  # another PSNR too

    file.write_text(file.read_text().replace("42_Net", "43_Net"))
    done = run("eval.verify", *how)
    assert (
        done.returncode == 2 and "is of 43_Net, expected one of the chosen submissions: 42_Net" in done.stderr
    )


def test_a_damaged_receipt_is_one_line_before_anything_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_text("{")
    done = run("eval.verify", "--model_id", "25", "--receipt", file)
    assert done.returncode == 2 and done.stderr.startswith(f"eval.verify: error: {file}: field 'file'")
    assert len(done.stderr.splitlines()) == 1
