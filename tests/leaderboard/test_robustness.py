"""What a rank depends on, doubts and differences between builds."""

from __future__ import annotations

import numpy as np
import pytest

from eval.challenge import load
from eval.records.schema import Checkpoint, Complexity, SubmissionInfo
from leaderboard import checks, diff
from leaderboard.confidence import robustness
from leaderboard.entry import Entry
from leaderboard.ranking import rank
from leaderboard.rules import resampling, rule_of
from tests.leaderboard.makers import mode, record

ESR = load("esr2026").model_copy(update={"device": "GPU A"})  # so that the published baseline holds here
RULE = rule_of(ESR)


def with_times(model: str, times: list[float], protocol: str = "ntire") -> Entry:
    modes = {name: mode([27.0 + i for i in range(len(times))], times, protocol) for name in ("valid", "test")}
    return Entry(record(model, modes=modes, protocol=protocol))


def test_a_cold_start_turns_an_order_and_is_named() -> None:
    cold = with_times("01_A", [120.0] + [5.0] * 9)
    warm = with_times("02_B", [12.0] * 10)
    finding = checks.cold_start(cold)
    assert finding is not None and "took 120.0 ms (median 5.00 ms)" in finding.reason
    assert checks.cold_start(warm) is None
    pairs = robustness.changed_pairs([cold, warm], RULE)
    assert {(pair["track"], pair["by"]) for pair in pairs} == {
        ("final", "median runtime"),
        ("final", "without the first call"),
        ("runtime", "median runtime"),
        ("runtime", "without the first call"),
    }


def test_the_first_call_of_a_warmed_protocol_is_no_cold_start() -> None:
    assert checks.cold_start(with_times("01_A", [120.0] + [5.0] * 9, "robust")) is None


@pytest.mark.parametrize(("flops", "found"), [(1.59, True), (9.11, False), (4.0, False), (None, False)])
def test_flops_far_below_what_the_parameters_need(flops: float | None, found: bool) -> None:
    entry = Entry(record("22_X", flops_g=flops, params_m=0.139))
    assert (checks.implausible_flops(entry) is not None) is found


def test_the_same_checkpoint_twice() -> None:
    same = SubmissionInfo(model="02_B", checkpoint=Checkpoint(file="b", sha256="1" * 64, source="authors"))
    first = SubmissionInfo(model="01_A", checkpoint=Checkpoint(file="a", sha256="1" * 64, source="authors"))
    entries = [Entry(record("01_A", submission=first)), Entry(record("02_B", psnr=28, submission=same))]
    assert [(d.model, d.name) for d in checks.duplicates(entries)] == [
        ("01_A", "same_checkpoint"),
        ("02_B", "same_checkpoint"),
    ]


def test_a_submission_and_its_self_ensemble_may_share_a_checkpoint() -> None:
    checkpoint = Checkpoint(file="model_zoo/team25_EERN.pt", sha256="1" * 64, source="authors")
    own = SubmissionInfo(model="25_EERN", model_id="25", team="Lasagna", checkpoint=checkpoint)
    copied = own.model_copy(update={"model": "31_Copy", "model_id": "31", "team": "Pasta"})
    models = [own, own.model_copy(update={"model": "25_EERN_x8"})]
    entries = [Entry(record("", psnr=27 + i, submission=one)) for i, one in enumerate([*models, copied])]
    assert checks.duplicates(entries[:2]) == []
    assert [(doubt.model, doubt.reason) for doubt in checks.duplicates(entries)] == [
        ("25_EERN", "the same checkpoint as 31_Copy"),
        ("25_EERN_x8", "the same checkpoint as 31_Copy"),
        ("31_Copy", "the same checkpoint as 25_EERN, 25_EERN_x8"),
    ]


def test_outputs_are_compared_only_where_psnr_was_measured() -> None:
    without = [record(name) for name in ("01_A", "02_B")]
    for one in without:
        for image in [image for result in one.modes.values() for image in result.images]:
            image.metrics = {"psnr_y": 27.0}
    assert checks.duplicates([Entry(one) for one in without]) == []


def test_an_excluded_entry_is_no_leader() -> None:
    ranked = [Entry(record(f"0{i}_A", ms=10 + i)) for i in range(3)]
    below = Entry(record("09_Z", ms=1, psnr=20))
    assert checks.gaps([*ranked, below], ESR) == []
    # The next one is a ranked one too: an excluded one between hides no gap.
    between = Entry(record("08_Y", ms=2, psnr=20))
    (gap,) = checks.gaps([*ranked, between, Entry(record("09_Z", ms=1))], ESR)
    assert gap.model == "09_Z" and "the next one, 00_A (10.000 ms)" in gap.reason


def test_a_gap_that_nobody_comes_near() -> None:
    entries = [Entry(record(f"0{i}_A", ms=10 + i)) for i in range(3)] + [Entry(record("09_Z", ms=1))]
    (gap,) = [doubt for doubt in checks.gaps(entries, ESR) if "runtime_ms" in doubt.reason]
    assert gap.model == "09_Z" and "10.0 times better" in gap.reason


def test_resampling_ties_what_the_images_do_not_separate() -> None:
    generator = np.random.default_rng(1)
    base = generator.uniform(5, 9, 60)
    near = base + generator.normal(0, 1, 60)
    far = base * 2
    group = [with_times(name, list(times)) for name, times in (("01_A", base), ("02_B", near), ("03_C", far))]
    table = rank([entry.record for entry in group], ESR).set_index("model")
    assert table.loc["01_A", "ties with"] == "02_B"
    assert table.loc["03_C", "ties with"] == ""


def test_every_resample_weighs_all_images_once_on_average() -> None:
    weights = resampling.weights_of(50, 1)
    assert weights.shape == (resampling.DRAWS, 50)
    assert weights.sum(axis=1) == pytest.approx(np.ones(resampling.DRAWS))


def test_a_neighbour_that_drops_out_does_not_hurt_the_other() -> None:
    group = [Entry(record("01_A", psnr=27.2, ms=5)), Entry(record("02_B", psnr=26.9899, ms=9))]
    keys = np.array([1.0, 2.0])
    (check,) = robustness.neighbours(group, RULE, keys, np.array([True, True]))
    assert check.outcomes["strict"] == "drops out" and check.dropped["strict"] == ["02_B"]
    assert check.doubts_for("01_A") == []
    assert check.doubts_for("02_B") == ["strict"]


def test_other_weights_can_turn_an_order() -> None:
    fast = Entry(record("01_A", ms=4, complexity=Complexity(params_m=0.16, flops_g=11)))
    small = Entry(record("02_B", ms=7, complexity=Complexity(params_m=0.1, flops_g=6)))
    keys = {one.name: one.keys for one in RULE.alternatives([fast, small])}
    assert keys["rule"][0] < keys["rule"][1]
    assert keys["equal_weights"][0] > keys["equal_weights"][1]


def row(model: str, place: int | None, **changes: object) -> dict[str, object]:
    return {"model": model, "rank": place, "eligible": place is not None, "runtime_ms": 5.0, **changes}


def test_who_moved_and_why() -> None:
    before = {"a|": row("a", 1), "b|": row("b", 2), "c|": row("c", 3)}
    after = {
        "b|": row("b", 1, runtime_ms=4.0),
        "a|": row("a", 2),
        "c|": row("c", None, reason="valid PSNR 26.80 dB is below 26.90 dB"),
        "d|": row("d", 3),
    }
    found = {move.model: (move.before, move.after, move.why) for move in diff.moves(before, after)}
    assert found["b"] == (2, 1, "runtime_ms 5.000 -> 4.000")
    assert found["a"] == (1, 2, "passed by b")
    assert found["c"] == (3, None, "no longer ranked: valid PSNR 26.80 dB is below 26.90 dB")
    assert found["d"] == (None, 3, "new")
    same = diff.Build("esr2026", before)
    assert diff.moves_text(same, same) == "No change.\n"


def test_under_other_rules_only_who_moved_is_listed() -> None:
    """Everybody is compared with another baseline then; that stands once, at the top."""
    before = diff.Build("a", {f"{name}|": row(name, i, reference="00_A") for i, name in enumerate("xyz", 1)})
    after = diff.Build("b", {f"{name}|": row(name, i, reference="00_B") for i, name in enumerate("yxz", 1)})
    assert diff.moves_text(before, after).splitlines() == [
        "Other rules: a -> b.",
        "   2 -> 1    y: the rules changed",
        "   1 -> 2    x: the rules changed",
    ]


def test_a_model_that_was_measured_elsewhere_is_listed_once() -> None:
    before = {"x|A": row("x", 1, conditions="A"), "y|A": row("y", 2, conditions="A")}
    after = {"x|B": row("x", 1, conditions="B"), "y|A": row("y", 1, conditions="A")}
    found = [(move.model, move.before, move.after, move.why) for move in diff.moves(before, after)]
    assert found == [("x", 1, 1, "measured on A -> B"), ("y", 2, 1, "moved past x")]


def test_only_models_of_the_same_machine_pass_one_another() -> None:
    before = {f"{name}|{on}": row(name, i, conditions=on) for on in "AB" for i, name in enumerate("xy", 1)}
    after = {f"{name}|{on}": row(name, i, conditions=on) for on in "AB" for i, name in enumerate("yx", 1)}
    assert {move.why for move in diff.moves(before, after)} == {"passed by y", "moved past x"}
