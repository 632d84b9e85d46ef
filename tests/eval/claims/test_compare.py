"""Verdicts on claims: one of each kind, and the causes that are named."""

from __future__ import annotations

from typing import Any

import pytest

from eval.challenge import ClaimTolerances
from eval.claims.compare import FIGURES, NOT_MEASURABLE, Judgement, half_unit, judge
from eval.records.schema import Complexity, ImageResult, ModeResult, Record, RuntimeSummary, SubmissionInfo

GPU = "NVIDIA GeForce RTX 3090"


def record(claims: dict[str, Any], **changes: Any) -> Record:
    """A record of a network with 0.657432 M parameters and 41.212605 G, judged on one image."""
    runtime = RuntimeSummary(protocol="robust", mean=25.0, median=17.5, cold=300.0, samples_ms=[[17.5]] * 10)
    image = ImageResult(
        name="0801", metrics={"psnr": 26.9024, "ssim": 0.8512, "psnr_y": 28.75}, runtime_ms=17.5
    )
    other = ImageResult(name="0901", metrics={"psnr": 27.0124, "ssim": 0.8601}, runtime_ms=17.5)
    complexity = Complexity(
        params_m=0.657432,
        flops_g=41.212605,
        activations_m=87.217128,
        num_conv=27,
        counters={
            "unread_parameters": 100_000,
            "buffers": 3_000,
            "checkpoint_elements": 1_314_864,
            "thop": {"macs": 40_000_000_000},
            "noise": {"conv_elements": 95_000_000, "conv_calls": 31},
        },
    )
    content = {
        "challenge": "esr2024",
        "submission": SubmissionInfo(model="25_EERN", claims=claims),
        "status": "ok",
        "modes": {
            "valid": ModeResult(images=[image], runtime=runtime, memory_mib=550.0),
            "test": ModeResult(images=[other], runtime=runtime, memory_mib=540.0),
        },
        "complexity": complexity,
        "machine": {"cpu": "AMD EPYC", "gpu": {"name": GPU}},
    }
    return Record(**{**content, **changes})


def verdict(claim: str, value: Any, *, own: bool = True, **changes: Any) -> Judgement:
    claims = {claim: value, "device": "RTX 3090"}
    found = judge(record(claims, **changes), ClaimTolerances(), own, "NVIDIA GeForce RTX 3090")
    return next(one for one in found if one.claim == claim)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("params_m", 0.6574),
        ("params_m", 0.66),
        ("flops_g", 41.2126),
        ("flops_g", 41.2),
        ("activations_m", 87.22),
        ("convs", 27),
        ("psnr_valid_db", 26.90),
        ("psnr_valid_db", 26.907),
        ("ssim_valid", 0.851),
        ("runtime_ms", 18.9),
        ("memory_mib", 549.762),
    ],
)
def test_a_claim_is_confirmed_to_the_digits_that_it_prints(claim: str, value: float) -> None:
    assert verdict(claim, value).verdict == "confirmed"


@pytest.mark.parametrize(
    ("claim", "value", "cause"),
    [
        ("params_m", 0.6575, "measured 0.657432 M, claimed 0.6575"),
        ("params_m", 0.557432, "100000 parameters are never read"),
        ("params_m", 657.432, "in thousands"),
        ("flops_g", 41.2127, "measured 41.2126 G"),
        ("params_m", 0.660432, "counts buffers too"),
        ("params_m", 1.314864, "every number in the checkpoint, such as branches for training"),
        ("params_m", 2.6297, "bytes of 32-bit weights"),
        ("flops_g", 82.43, "two"),
        ("flops_g", 20.61, "halves"),
        ("flops_g", 41212.6, "in millions"),
        ("flops_g", 72.44, "input of 320x180, with a multiplication and an addition counted as two"),
        ("flops_g", 80.0, "figure of thop, with a multiplication and an addition counted as two"),
        ("flops_g", 640.0, "figure of thop, for an input of 1024x1024"),
        ("activations_m", 95.0, "do not run as called modules"),
        ("activations_m", 76.65, "input of 320x180"),
        ("flops_g", 36.22, "output of 1280x720, an input of 320x180"),
        ("flops_g", 579.55, "not divided by the scale"),
        ("flops_g", 2.5758, "input of 64x64"),
        ("flops_g", 659.4, "1024x1024"),
        ("flops_g", 40.0, "figure of thop"),
        ("convs", 28, "claimed 28"),
        ("convs", 31, "do not run as called modules"),
        ("psnr_valid_db", 28.75, "the claim is PSNR-Y"),
        ("psnr_valid_db", 27.0124, "the claim is PSNR on the test images"),
        ("ssim_test", 0.8512, "the claim is SSIM on the valid images"),
        ("psnr_valid_db", 26.95, "measured 26.9024 dB, claimed 26.95 (-0.0476 dB)"),
        ("psnr_valid_db", 26.92, "claimed 26.92"),
        ("psnr_valid_db", 26.9 + 0.1, "claimed 27"),  # as 27.00 is read from TOML
        ("ssim_valid", 0.86, "claimed 0.86 (-0.008800)"),
        ("runtime_ms", 52.5, "cold start included"),
        ("runtime_ms", 300.0, "first image"),
        ("runtime_ms", 0.0175, "in seconds"),
        ("runtime_ms", 25.0, "the claim is the plain mean"),
        ("runtime_ms", 8.9, "perhaps at half precision"),
        ("runtime_ms", 2.0, "perhaps timed without synchronisation of the GPU"),
        ("memory_mib", 0.5371, "gigabytes"),
        ("memory_mib", 2.508, "weights alone"),
    ],
)
def test_a_wrong_claim_is_contradicted_and_explained(claim: str, value: float, cause: str) -> None:
    found = verdict(claim, value)
    assert found.verdict == "contradicted"
    assert cause in found.reason


def test_a_confirmed_count_says_what_is_dead_weight() -> None:
    complexity = Complexity(params_m=2.237, deployed_params_m=0.426, counters={"unread": {"branch": 1811000}})
    found = verdict("params_m", 2.237, complexity=complexity)
    assert found.verdict == "confirmed" and "0.426 M of 2.237 M" in found.reason
    assert "branch (1811000)" in found.reason


def test_no_cause_is_named_that_fits_no_better_than_the_measurement() -> None:
    """Another counter with the same figure explains nothing."""
    complexity = Complexity(flops_g=41.212605, counters={"torch": {"macs": 41_212_605_000}})
    assert verdict("flops_g", 41.25, complexity=complexity).reason == (
        "measured 41.2126 G, claimed 41.25 (-0.091%)"
    )


def test_figures_of_another_machine_are_not_compared() -> None:
    here = {"cpu": "AMD EPYC", "gpu": None}
    for claim, value in (("runtime_ms", 17.7), ("memory_mib", 549.8)):
        found = verdict(claim, value, machine=here)
        assert (found.verdict, found.reason) == (
            "not comparable",
            "claimed on RTX 3090, measured on AMD EPYC",
        )
    assert verdict("params_m", 0.6574, machine=here).verdict == "confirmed"


@pytest.mark.parametrize(
    ("claimed", "here", "same"),
    [
        ("rtx3090", GPU, True),
        ("RTX 3090", GPU, True),
        ("RTX 3090", "NVIDIA GeForce RTX 3080", False),
        ("A100", GPU, False),
    ],
)
def test_a_gpu_is_known_by_its_words(claimed: str, here: str, same: bool) -> None:
    one = record({"runtime_ms": 17.5, "device": claimed}, machine={"gpu": {"name": here}})
    found = next(one for one in judge(one, ClaimTolerances(), True) if one.claim == "runtime_ms")
    assert (found.verdict == "confirmed") is same


def test_quality_on_other_images_is_not_compared() -> None:
    found = verdict("psnr_valid_db", 26.90, own=False, dataset="demo set")
    assert found.verdict == "not comparable" and "not at hand: measured on demo set" in found.reason
    valid_alone = {"valid": record({}).modes["valid"]}
    assert "test images are not at hand" in verdict("psnr_test_db", 26.99, modes=valid_alone).reason


def test_counts_in_doubt_are_not_compared() -> None:
    doubtful = Complexity(params_m=0.657432, flops_g=41.2126, established=False)
    assert verdict("flops_g", 41.2126, complexity=doubtful).verdict == "not comparable"


def test_what_nobody_can_measure_says_so() -> None:
    assert "trained on" in verdict("training_data", ["DIV2K"]).reason
    assert verdict("extra_data", None).verdict == "not claimed"


def test_a_failed_submission_has_no_verdict_but_its_reason() -> None:
    found = verdict("params_m", 0.6574, status="failed", error="out of memory", modes={}, complexity=None)
    assert found.verdict == "not comparable" and "out of memory" in found.reason


def test_every_claim_of_a_manifest_gets_one_verdict() -> None:
    found = judge(record({}), ClaimTolerances(), True)
    assert [one.claim for one in found] == [*FIGURES, *NOT_MEASURABLE]
    assert {one.verdict for one in found} == {"not claimed"}


@pytest.mark.parametrize(("claimed", "unit"), [(0.6574, 0.00005), (41.2, 0.05), (27, 0.5), (1e-3, 0.0005)])
def test_half_a_unit_of_the_last_digit(claimed: float, unit: float) -> None:
    assert half_unit(claimed) == pytest.approx(unit)
