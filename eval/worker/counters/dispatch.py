"""What all passes share that watch operators below the modules: names, tensors, storages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Formula = Callable[..., int]


class WatchingMode(TorchDispatchMode):
    """A dispatch mode that torch does not wrap for its compiler, whose import takes 1.5 s or more."""

    # Higher-order operators (flex_attention, Triton kernels) pass through and are reported by name.
    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


def operator_name(func: Any) -> str:
    """Such as `aten::convolution`."""
    packet = getattr(func, "overloadpacket", None)
    return str(getattr(packet, "_qualified_op_name", func))


def decomposed(mode: TorchDispatchMode, func: Any, counted: bool, args: Any, kwargs: Any) -> Any:
    """Run a composite operator by its parts, as torch's counter does; NotImplemented for any other.

    Composite operators arrive whole only under inference_mode, in which torch skips their usual expansion.
    """
    if counted or not hasattr(func, "decompose") or func is torch.ops.prim.device.default:
        return NotImplemented
    with mode:
        return func.decompose(*args, **kwargs)


def tensors_in(tree: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists and dicts."""
    if isinstance(tree, Tensor):
        return [tree]
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, (tuple, list)):
        return []
    return [tensor for part in tree for tensor in tensors_in(part)]


def shapes_in(tree: Any) -> Any:
    """The same nesting of tuples and lists with tensors replaced by their shapes."""
    if isinstance(tree, Tensor):
        return tree.shape
    if isinstance(tree, (tuple, list)):
        return tuple(shapes_in(part) for part in tree)
    return tree if isinstance(tree, (int, float, str)) else None


def storage_of(tensor: Tensor) -> int:
    """Identity of a tensor's memory; sparse and other tensors without one share 0."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return 0


def handles_single_numbers(inputs: list[Tensor], outputs: list[Tensor]) -> bool:
    """Whether an operator handles single numbers only: tracing adds such operators, for sizes."""
    return all(tensor.ndim == 0 for tensor in (*inputs, *outputs))


def is_view(func: Any) -> bool:
    """Whether an operator is a view: free to run, and tracing adds slices that eager mode skips."""
    return bool(getattr(func, "is_view", False))
