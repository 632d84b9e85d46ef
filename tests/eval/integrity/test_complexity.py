"""Flags from counts alone: which counts raise which doubt, in which words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eval.integrity.complexity import doubts, scored_figure
from eval.protocol.complexity_report import CountedComplexity, Counter, PassCounts
from eval.records.schema import Flag

NOISE = PassCounts(1_000_000, 500, 3, 500, 3)
CROP = PassCounts(312_500, 150, 3, 150, 3)
HONEST = CountedComplexity(
    parameters=1000,
    buffers=0,
    counters={
        "fvcore": Counter(
            1_010_000, unknown={"aten::add": 3, "aten::upsample_bilinear2d": 1, "aten::sigmoid": 1}
        ),
        "thop": Counter(900_000, unknown={"Sigmoid": 4}),
        "torch": Counter(1_000_000, unknown={"aten::add": 3}),
    },
    noise=NOISE,
    crop=CROP,
    crop_noise=CROP,
)


def reasons(complexity: CountedComplexity) -> dict[str, str]:
    return {doubt.name: doubt.reason for doubt in doubts(complexity)}


def changed(change: dict[str, Any]) -> CountedComplexity:
    """HONEST with other figures or other opinions of counters."""
    opinions = {name: value for name, value in change.items() if isinstance(value, Counter)}
    rest = {name: value for name, value in change.items() if name not in opinions}
    return replace(HONEST, counters={**HONEST.counters, **opinions}, **rest)


def test_honest_counts_raise_no_doubt() -> None:
    assert doubts(HONEST) == []


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        (
            {"fvcore": Counter(None, "RuntimeError: x")},
            "another counter",
            "fvcore failed (RuntimeError: x); the FLOPs are those of torch's counter",
        ),
        (
            {
                "fvcore": Counter(
                    900_000, unknown={"aten::_x_attention": 2}, added={"aten::_x_attention": 90_000}
                )
            },
            "work added",
            "fvcore alone has 0.0009 G; by formulas: aten::_x_attention 9e-05 G",
        ),
        (
            {"noise": replace(NOISE, products=200_000)},
            "work added",
            "products of tensors that are summed: 0.0002 G beside 0.00101 G",
        ),
        (
            {"torch": Counter(0)},
            "complexity not established",
            "torch's counter saw no operation that it counts",
        ),
        (
            {"fvcore": Counter(2_000_000)},
            "complexity not established",
            "fvcore counts 0.002 G, torch's counter 0.001 G",
        ),
        (
            {"fvcore": Counter(990_000, unknown={"aten::_convolution_mode": 1})},
            "operators uncounted",
            "fvcore counts as zero: aten::_convolution_mode (1); with them torch's counter has 0.001 G, "
            "fvcore 0.00099 G",
        ),
        (
            {"torch": Counter(1_000_000, unknown={"mine::conv": 2, "aten::mul": 9})},
            "complexity not established",
            "torch's counter counts as zero: mine::conv (2)",
        ),
        (
            {"crop": replace(CROP, macs=350_000)},
            "complexity not established",
            "the work depends on the input: 0.0003125 G in 3 convolutions on noise, "
            "0.00035 G in 3 convolutions on a real crop",
        ),
        (
            {"crop": replace(CROP, macs=600_000), "crop_noise": replace(CROP, macs=600_000)},
            "complexity not established",
            "the work depends on the size: 0.01526 k per pixel at 256x256, 0.0293 k at 64x320",
        ),
        (
            {"crop_noise": None},
            "complexity not established",
            "the work depends on the input: a failure on noise, 0.0003125 G in 3 convolutions on a real crop",
        ),
        (
            {"crop": None, "crop_failure": "ValueError: y"},
            "complexity not established",
            "the network failed on a crop of a real image: ValueError: y",
        ),
        (
            {"noise": replace(NOISE, activations=400, num_conv=2), "crop": None},
            "convolutions uncounted",
            "1 of 3 convolutions do not run as called modules, "
            "so the official activations leave out 0.0001 M elements",
        ),
        (
            {"weights_elsewhere": 51},
            "parameters elsewhere",
            "51 weights are used that are not in parameters(), which has 1000",
        ),
        (
            {"unread_parameters": 51},
            "parameters unused",
            "51 of 1000 parameters are never read in a forward pass",
        ),
    ],
)
def test_doubt(change: dict[str, object], name: str, reason: str) -> None:
    assert doubts(changed(change)) == [Flag(name=name, reason=reason)]


def test_a_missing_crop_is_no_doubt() -> None:
    assert doubts(replace(HONEST, crop=None)) == []


def test_small_shares_of_weights_are_no_doubt() -> None:
    assert doubts(replace(HONEST, weights_elsewhere=50, unread_parameters=50)) == []


def test_several_reasons_make_one_doubt() -> None:
    found = reasons(changed({"fvcore": Counter(0), "torch": Counter(0)}))
    assert found == {
        "complexity not established": "fvcore saw no operation that it counts; "
        "torch's counter saw no operation that it counts"
    }


@pytest.mark.parametrize(
    ("change", "macs", "counter"),
    [
        ({}, 1_010_000, "fvcore"),
        ({"fvcore": Counter(1_000_000, added={"x": 7})}, 1_000_007, "fvcore"),
        ({"fvcore": Counter(None, "AssertionError: [6]")}, 1_000_000, "torch"),
        ({"noise": replace(NOISE, products=100_000)}, 1_010_000, "fvcore"),
        ({"noise": replace(NOISE, products=102_000)}, 1_112_000, "fvcore"),
        ({"fvcore": Counter(None, "x"), "torch": Counter(None, "y")}, None, "fvcore"),
    ],
)
def test_the_figure_that_scores(change: dict[str, Any], macs: int | None, counter: str) -> None:
    figure = scored_figure(changed(change))
    assert (figure.macs, figure.counter) == (macs, counter)


def test_much_work_in_operators_that_count_as_zero_is_told() -> None:
    assert "complexity not established" not in reasons(changed({"noise": replace(NOISE, touched=500_000)}))
    (reason,) = reasons(changed({"noise": replace(NOISE, touched=600_000)})).values()
    assert reason == (
        "operators that count as zero handle 0.0006 G elements beside 0.00101 G multiply-adds, which may be work in "
        "another form"
    )
    products = replace(NOISE, products=1_000_000, touched=3_000_000)
    assert list(reasons(changed({"noise": products}))) == ["work added"], (
        "products that are counted are no secret"
    )


def test_work_that_the_official_counter_hardly_sees_is_not_established() -> None:
    """A network that is written as `embedding_bag`, say: its work has a formula, but nobody writes it so in earnest."""
    opinions = {
        "fvcore": Counter(40_000, added={"aten::embedding_bag": 960_000}),
        "torch": Counter(1_000_000),
    }
    found = reasons(changed(opinions))
    assert set(found) == {"complexity not established", "work added"}
    assert "the official counter sees 4e-05 G of 0.001 G" in found["complexity not established"]
    opinions["fvcore"] = Counter(60_000, added={"aten::scaled_dot_product_attention": 940_000})
    assert set(reasons(changed(opinions))) == {"work added"}
