"""Verdicts on reruns, and the causes that are named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eval.reproduction import tiles
from eval.reproduction.differences import EQUAL, Difference, combined, difference
from eval.reproduction.findings import RANDOM, RERUN_KINDS, UNCONTROLLED, RerunFinding, Reruns

ROUNDED, OTHER = Difference(1, 0.1, 60.0), Difference(9, 0.5, 30.0)
STATE = RERUN_KINDS["order"].changes


def findings(**differences: Difference) -> tuple[RerunFinding, ...]:
    return tuple(RerunFinding(kind, kind, found) for kind, found in differences.items())


@pytest.mark.parametrize(
    ("found", "seeded", "causes"),
    [
        (findings(repeat=EQUAL, again=EQUAL, threads=OTHER), (), [RERUN_KINDS["threads"].changes]),
        (findings(repeat=EQUAL, again=EQUAL, threads=ROUNDED), (), []),
        (findings(repeat=OTHER, again=OTHER), findings(repeat=EQUAL, again=EQUAL), [RANDOM]),
        (findings(repeat=OTHER, again=EQUAL), findings(repeat=OTHER, again=EQUAL), [STATE]),
        (findings(repeat=OTHER, again=EQUAL, order=OTHER), findings(repeat=OTHER, again=EQUAL), [STATE]),
        (findings(repeat=OTHER, again=OTHER), findings(repeat=EQUAL, again=ROUNDED), [UNCONTROLLED]),
        (findings(again=OTHER, threads=OTHER), findings(again=OTHER), [UNCONTROLLED]),
        (findings(again=OTHER, tiles=OTHER, tf32=OTHER), findings(again=EQUAL), [RANDOM, RERUN_KINDS["tf32"].changes]),
    ],
)  # fmt: skip
def test_a_switch_is_named_only_if_equal_runs_are_equal(
    found: tuple[RerunFinding, ...], seeded: tuple[RerunFinding, ...], causes: list[str]
) -> None:
    assert Reruns("toy", found, seeded).causes() == causes


def test_rounding_and_tiles_are_reported_but_are_no_fault() -> None:
    fine = Reruns("toy", findings(again=EQUAL, threads=ROUNDED, tiles=OTHER))
    assert fine.reproducible and [one.verdict for one in fine.found] == ["same", "rounding", "differs"]
    assert not Reruns("toy", findings(again=OTHER)).reproducible
    assert RerunFinding("device", "cuda:0", None).verdict == "not checked"


def test_differences_are_measured_and_the_worst_is_kept() -> None:
    first = np.zeros((2, 2, 3), np.uint8)
    second = first.copy()
    second[0, 0] = 255
    apart = difference(first, second)
    assert (apart.largest, apart.share) == (255, 0.25)
    assert apart.psnr_db == pytest.approx(10 * math.log10(4))
    assert difference(first, first) == EQUAL
    assert combined([apart, EQUAL]) == Difference(255, 0.125, apart.psnr_db)


@pytest.mark.parametrize("shape", [(20, 24), (7, 9), (2, 3), (101, 64)])
def test_tiles_of_a_local_operation_make_the_whole_image(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)

    def enlarge(part: np.ndarray) -> np.ndarray:
        return part.repeat(2, axis=0).repeat(2, axis=1)

    assert np.array_equal(tiles.in_tiles(image, 2, enlarge), enlarge(image))


def test_what_happens_at_the_seams_is_told_apart() -> None:
    whole = np.zeros((64, 64, 3), np.uint8)
    tiled = whole.copy()
    tiled[32] = 40
    at_seam, elsewhere = tiles.seam_contrast(whole, tiled, 4)
    assert at_seam > 1 and elsewhere == 0
