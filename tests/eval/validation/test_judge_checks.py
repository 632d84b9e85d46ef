"""The judge's record read for a participant: flags, claims and thresholds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eval import challenge
from eval.records.flags import FlagName
from eval.records.schema import Complexity, ImageResult, ModeResult, Record, SubmissionInfo
from eval.validation.item import Item
from eval.validation.judge_checks import JUDGE_CHECKS, Judged


def record(psnr: float = 26.9, **fields: Any) -> Record:
    modes = {"valid": ModeResult(images=[ImageResult(name="one", metrics={"psnr": psnr})])}
    reference = {"valid": ModeResult(images=[ImageResult(name="one", metrics={"psnr": 26.0})])}
    content: dict[str, Any] = {
        "challenge": "esr2024", "dataset": "demo set", "submission": SubmissionInfo(model="42_Net"), "status": "ok",
        "modes": modes, "reference": reference, "complexity": Complexity(params_m=0.3),
    }  # fmt: skip
    return Record(**{**content, **fields})


def found(made: Record, *, own: bool = False, here: float | None = None) -> dict[str, Item]:
    """All items on a record. here: PSNR that the earlier process had, if it is another."""
    rules = challenge.load("esr2024")
    plan = SimpleNamespace(challenge=rules, dataset=SimpleNamespace(own=own), metric_names=("psnr",))
    quality = here if here is not None else made.modes["valid"].mean("psnr") if made.modes else 0.0
    session: Any = SimpleNamespace(
        plan=plan, pair=SimpleNamespace(name="one", hr=Path("one.png")), quality=lambda _sr: quality,
        answer=lambda: np.zeros((4, 4, 3), np.uint8),
    )  # fmt: skip
    judged = Judged(session, lambda: made)
    return {look.name: look.item(judged) for look in JUDGE_CHECKS}


def test_a_sound_record_has_no_complaint() -> None:
    items = found(record())
    assert {item.verdict for item in items.values()} == {"ok", "not checked"}
    assert "+0.90 dB beside bicubic on demo set" in items["thresholds"].reason
    assert items["claims"].verdict == "not checked"


@pytest.mark.parametrize(
    ("psnr", "verdict", "words"),
    [
        (26.8951, "ok", "reaches 26.9 (-0.0049)"),  # 26.90 as the rule rounds
        (26.95, "ok", "reaches 26.9 (+0.0500)"),
        (26.8949, "warning", "misses 26.9 (-0.0051)"),
    ],
)
def test_thresholds_on_the_challenges_own_images(psnr: float, verdict: str, words: str) -> None:
    item = found(record(psnr), own=True)["thresholds"]
    assert item.verdict == verdict and words in item.reason


def test_another_process_must_give_the_same() -> None:
    item = found(record(), here=26.91)["second process"]
    assert item.verdict == "problem" and "26.9100 dB in one process and 26.9000 dB in another" in item.reason


def test_a_failure_is_the_judges_word_and_ends_the_rest() -> None:
    items = found(record(status="failed", error="image one: time limit: no answer within 600 s", modes={}))
    assert items["evaluation"].verdict == "problem" and "time limit" in items["evaluation"].reason
    assert {item.verdict for name, item in items.items() if name != "evaluation"} == {"not checked"}


@pytest.mark.parametrize(
    ("flag", "check"),
    [
        (FlagName.PARAMETERS_UNUSED, "dead weight"),
        (FlagName.PARAMETERS_ELSEWHERE, "hidden weights"),
        (FlagName.OPERATORS_UNCOUNTED, "operations"),
        (FlagName.OUTPUT_RANGE, "value range"),
        (FlagName.BELOW_BICUBIC, "quality"),
        (FlagName.NOT_REPRODUCIBLE, "answers when timed"),
    ],
)
def test_each_flag_has_its_check_and_its_cure(flag: FlagName, check: str) -> None:
    items = found(record(flags=[flag.because("as seen")]))
    assert [name for name, item in items.items() if item.verdict == "warning"] == [check]
    assert items[check].reason == "as seen" and items[check].cure


@pytest.mark.parametrize(("claimed", "verdict"), [(0.3, "ok"), (0.31, "problem")])
def test_claims_are_compared(claimed: float, verdict: str) -> None:
    info = SubmissionInfo(model="42_Net", claims={"params_m": claimed, "runtime_ms": 9.0})
    item = found(record(submission=info))["claims"]
    assert item.verdict == verdict
    assert ("not comparable here: runtime_ms" in item.reason) == (verdict == "ok")
