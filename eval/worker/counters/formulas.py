"""Multiply-accumulates of operators that fvcore does not know, from the shapes of their inputs.

Attention is counted as its two matrix products. A softmax, a norm and the sampling of a deformable convolution count
nothing, as in the official counter. Each formula serves both forms of an operator: in a trace, which fvcore reads, and
at run time, below the modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from eval.worker.counters.dispatch import Formula, operator_name

Shape = Sequence[int]
# Shapes of all inputs by position (None for what is no tensor), and of the first output
ShapeFormula = Callable[[list[Any], Shape], int]


def attention_macs(query: Shape, key: Shape, value: Shape) -> int:
    """Query by key, then weights by value: (..., L, E), (..., S, E), (..., S, V).

    >>> attention_macs((1, 2, 4, 8), (1, 2, 5, 8), (1, 2, 5, 8))
    640
    """
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _scaled_dot_product(inputs: list[Any], _output: Shape) -> int:
    return attention_macs(inputs[0], inputs[1], inputs[2])


def _multi_head(inputs: list[Any], _output: Shape) -> int:
    """query, key and value as (batch, length, width); their projections, attention, the output's projection."""
    (batch, length, width), source = inputs[0], inputs[1][1]
    projections = (2 * length + 2 * source) * width * width
    return int(batch * (projections + 2 * length * source * width))


# Position of the first weight of the feed-forward part in `_transformer_encoder_layer_fwd`
_FEED_FORWARD = 14


def _encoder_layer(inputs: list[Any], output: Shape) -> int:
    """Self-attention and two linear layers over (batch, length, width)."""
    batch, length, width = inputs[0]
    hidden = inputs[_FEED_FORWARD][0]
    return _multi_head([inputs[0], inputs[0]], output) + int(2 * batch * length * width * hidden)


def _deformable_convolution(inputs: list[Any], output: Shape) -> int:
    """Each output element is a product over the weight's inputs per group, as in a convolution."""
    return math.prod(output) * math.prod(inputs[1][1:])


def _batched_product_added(inputs: list[Any], output: Shape) -> int:
    """added + batch1 @ batch2."""
    return math.prod(output) * int(inputs[1][-1])


def _embedding_bag(inputs: list[Any], _output: Shape) -> int:
    """A weighted sum of rows per bag: a matrix product. Without weights it only adds."""
    weighted = len(inputs) > 6 and inputs[6] is not None
    return math.prod(inputs[1]) * int(inputs[0][-1]) if weighted else 0


# By the name in a trace
IN_TRACE: dict[str, ShapeFormula] = {
    "aten::scaled_dot_product_attention": _scaled_dot_product,
    "aten::_native_multi_head_attention": _multi_head,
    "aten::_transformer_encoder_layer_fwd": _encoder_layer,
    "aten::baddbmm": _batched_product_added,
    "aten::embedding_bag": _embedding_bag,
    "torchvision::deform_conv2d": _deformable_convolution,
}
# By the name at run time, in addition to those that torch's own counter knows
_AT_RUN_TIME: dict[str, ShapeFormula] = {
    "aten::_scaled_dot_product_flash_attention_for_cpu": _scaled_dot_product,
    "aten::_scaled_dot_product_attention_math_for_mps": _scaled_dot_product,
    "aten::_native_multi_head_attention": _multi_head,
    "aten::_transformer_encoder_layer_fwd": _encoder_layer,
    "aten::_embedding_bag": _embedding_bag,
    "aten::_embedding_bag_forward_only": _embedding_bag,
    "torchvision::deform_conv2d": _deformable_convolution,
}


class Formulas:
    """Multiply-accumulates of one executed operator: torch's own formulas, and those above."""

    def __init__(self) -> None:
        from torch.utils.flop_counter import flop_registry

        self._torch: dict[Any, Formula] = dict(flop_registry)
        names = {getattr(packet, "_qualified_op_name", "") for packet in self._torch}
        self.names = frozenset(names | set(_AT_RUN_TIME))

    def knows(self, func: Any) -> bool:
        """Whether the operator has a formula."""
        return getattr(func, "overloadpacket", None) in self._torch or operator_name(func) in _AT_RUN_TIME

    def macs(self, func: Any, args: Any, kwargs: Any, result: Any) -> int:
        """Its multiply-accumulates; torch's formulas count a multiplication and an addition as two."""
        packet = getattr(func, "overloadpacket", None)
        if packet in self._torch:
            return int(self._torch[packet](*args, **kwargs, out_val=result)) // 2
        first = result[0] if isinstance(result, (tuple, list)) else result
        inputs = [_shape(argument) for argument in _by_position(func, args, kwargs)]
        return _AT_RUN_TIME[operator_name(func)](inputs, first.shape)


def _by_position(func: Any, args: Any, kwargs: Any) -> list[Any]:
    """All arguments in the order of the operator's declaration."""
    names = [argument.name for argument in func._schema.arguments]
    return [*args, *(kwargs.get(name) for name in names[len(args) :])]


def _shape(argument: Any) -> Any:
    return tuple(argument.shape) if isinstance(argument, torch.Tensor) else None
