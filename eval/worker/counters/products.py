"""Work written as products and sums: convolutions and matrix products that no counter's formula sees.

A product of two tensors counts nothing by itself, since gates and scales are products too. Its elements count once a
sum, a mean or an addition takes them up: then each is one multiply-add.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from eval.protocol.operators import MOVES, operator_names
from eval.worker.counters.dispatch import storage_of

# Products of two tensors; a square is the product of a tensor with itself.
PRODUCTS = operator_names("mul multiply div square pow")
# They take up the elements of a product.
SUMS = operator_names(
    "sum mean nansum cumsum add sub rsub avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d"
    " _adaptive_avg_pool3d adaptive_avg_pool1d var std var_mean std_mean norm linalg_vector_norm"
    " index_add scatter_add scatter_reduce segment_reduce col2im"
)
# Product and sum in one
FUSED = operator_names("addcmul addcdiv lerp")
_SQUARES = ("aten::square", "aten::square_", "aten::pow", "aten::pow_")


class ProductWatch:
    """Follows products through one pass. macs: elements of products that were summed."""

    def __init__(self) -> None:
        self.macs = 0
        self._open: dict[int, int] = {}

    def see(self, name: str, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        """One executed operator."""
        if name in FUSED:
            self.macs += _elements(outputs)
        elif name in SUMS:
            self.macs += sum(min(tensor.numel(), self._open.get(storage_of(tensor), 0)) for tensor in inputs)
        moved = name in MOVES and any(storage_of(tensor) in self._open for tensor in inputs)
        made = moved or _is_product(name, inputs)
        read = {storage_of(tensor) for tensor in inputs}
        for tensor in outputs:
            storage = storage_of(tensor)
            if made:
                self._open[storage] = max(tensor.numel(), self._open.get(storage, 0))
            elif storage not in read:  # new memory, perhaps that of a product which is gone
                self._open.pop(storage, None)


def _is_product(name: str, inputs: list[Tensor]) -> bool:
    """Whether an operator multiplies tensors: a factor of one number only scales."""
    factors = sum(tensor.numel() > 1 for tensor in inputs)
    return name in PRODUCTS and factors >= (1 if name in _SQUARES else 2)


def _elements(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
