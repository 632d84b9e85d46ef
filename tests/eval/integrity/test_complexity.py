"""Flags from counts alone: which counts raise which doubt, in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.integrity.complexity import (
    Doubt,
    Peak,
    gpu_peak,
    judge,
    judge_speed,
)
from eval.protocol.complexity_report import Complexity, Counter, PassCounts
from eval.protocol.operators import heavy_operators

NOISE = PassCounts(1_000_000, 500, 3, 500, 3)
CROP = PassCounts(312_500, 150, 3, 150, 3)
HONEST = Complexity(
    parameters=1000,
    buffers=0,
    fvcore=Counter(1_010_000, unknown={"aten::add": 3, "aten::upsample_bilinear2d": 1, "aten::sigmoid": 1}),
    thop=Counter(900_000, unknown={"Sigmoid": 4}),
    torch=Counter(1_000_000, unknown={"aten::add": 3}),
    noise=NOISE,
    crop=CROP,
    crop_noise=CROP,
)


def reasons(complexity: Complexity) -> dict[str, str]:
    return {doubt.name: doubt.reason for doubt in judge(complexity)}


def test_honest_counts_raise_no_doubt() -> None:
    assert judge(HONEST) == []


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        (
            {"fvcore": Counter(None, "RuntimeError: x")},
            "complexity not established",
            "fvcore failed: RuntimeError: x",
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
    assert judge(replace(HONEST, **change)) == [Doubt(name, reason)]  # type: ignore[arg-type]


def test_a_missing_crop_is_no_doubt() -> None:
    assert judge(replace(HONEST, crop=None)) == []


def test_small_shares_of_weights_are_no_doubt() -> None:
    assert judge(replace(HONEST, weights_elsewhere=50, unread_parameters=50)) == []


def test_several_reasons_make_one_doubt() -> None:
    found = reasons(replace(HONEST, fvcore=Counter(0), torch=Counter(0)))
    assert found == {
        "complexity not established": "fvcore saw no operation that it counts; "
        "torch's counter saw no operation that it counts"
    }


@pytest.mark.parametrize(
    ("operator", "heavy"),
    [
        ("aten::scaled_dot_product_attention", True),
        ("aten::_convolution_mode", True),
        ("aten::linear", True),
        ("aten::mv", True),
        ("aten::dot", True),
        ("aten::lstm", True),
        ("aten::_fft_r2c", True),
        ("aten::linalg_inv", True),
        ("aten::bilinear", True),
        ("prim::PythonOp.Opaque", True),
        ("prim::CallFunction", True),
        ("torchvision::deform_conv2d", True),
        ("flex_attention", True),
        ("aten::_transformer_encoder_layer_fwd", True),
        ("prim::ListConstruct", False),
        ("profiler::_record_function_exit", False),
        ("aten::upsample_bilinear2d", False),
        ("aten::grid_sampler", False),
        ("aten::max_pool2d", False),
        ("aten::gelu", False),
        ("aten::add", False),
        ("aten::var", False),
        ("aten::pow", False),
        ("aten::softmax", False),
        ("aten::norm", False),
        ("aten::linalg_vector_norm", False),
        ("aten::remainder", False),
    ],
)
def test_heavy_operators(operator: str, heavy: bool) -> None:
    assert (operator in heavy_operators({operator: 1})) is heavy


def test_speed_above_the_peak_is_a_doubt() -> None:
    # 10 G MAC are 20 GFLOP at 256x256, 80 GFLOP at 512x512; in 1 ms that is 80 TFLOP/s.
    peak = Peak(50e12, "test")
    (doubt,) = judge_speed(10**10, 1.0, 512 * 512, peak)
    assert doubt.name == "complexity not established"
    assert doubt.reason == "10 G and 1 ms for 262144 pixels imply 80 TFLOP/s, above 50 TFLOP/s (test)"
    assert judge_speed(10**10, 2.0, 512 * 512, peak) == []


def test_speed_without_figures_says_nothing() -> None:
    assert judge_speed(None, 1.0, 100, Peak(1.0, "")) == []
    assert judge_speed(10**10, 1.0, 100, None) == []
    assert judge_speed(0, 1.0, 100, Peak(1.0, "")) == []


def test_no_time_at_all_is_a_doubt() -> None:
    assert "imply no time at all" in judge_speed(10**10, 0.0, 100, Peak(1e12, "test"))[0].reason


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("NVIDIA GeForce RTX 3090", 142.3),
        ("NVIDIA GeForce RTX 3090 Ti", 160.0),
        ("NVIDIA A100-SXM4-80GB", 312.0),
        ("NVIDIA L40S", 362.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H100 80GB HBM3", 989.5),
        ("Tesla T4", 65.0),
    ],
)
def test_gpu_peak(name: str, tflops: float) -> None:
    peak = gpu_peak(name)
    assert peak is not None
    assert peak.flops_per_s == 2 * tflops * 1e12


def test_unknown_gpu_has_no_peak() -> None:
    assert gpu_peak("NVIDIA GeForce GTX 970") is None
