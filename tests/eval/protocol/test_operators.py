"""Which operators are light: named ones only."""

from __future__ import annotations

import pytest

from eval.protocol.operators import heavy_operators


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
        ("aten::linalg_solve", True),
        ("aten::_linalg_solve_ex", True),
        ("aten::cdist", True),
        ("aten::_cdist_forward", True),
        ("aten::matrix_exp", True),
        ("aten::svd", True),
        ("aten::ormqr", True),
        ("aten::_sparse_mm", True),
        ("aten::_int_mm", True),
        ("aten::to_mkldnn", True),
        ("aten::quantize_per_tensor", True),
        ("aten::an_operator_of_next_year", True),
        ("quantized::linear", True),
        ("aten::relu_", False),
        ("aten::Int", False),
    ],
)
def test_heavy_operators(operator: str, heavy: bool) -> None:
    assert (operator in heavy_operators({operator: 1})) is heavy
