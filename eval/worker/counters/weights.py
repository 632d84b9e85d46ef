"""Which weights a pass reads: parameters, and tensors from elsewhere that products use as weights."""

from __future__ import annotations

from torch import Tensor, nn

from eval.worker.counters.dispatch import storage_of


class WeightWatch:
    """Follows where tensors come from in one pass.

    A weight from elsewhere is a floating-point factor of a convolution or matrix product that is no parameter and does
    not depend on the image. What is computed from such a tensor alone, or with parameters, stands for it.
    """

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        self._parameters = {storage_of(p) for p in model.parameters()}
        self._read: set[int] = set()
        self._from_image = {storage_of(image)}
        self._made: set[int] = set()
        # Tensors that were made from weights alone: the foreign weights in them, by storage
        self._carried: dict[int, dict[int, int]] = {}
        self._foreign: dict[int, int] = {}

    def see(self, inputs: list[Tensor], outputs: list[Tensor], *, weighs: bool) -> None:
        """One executed operator. weighs: whether it is a convolution or a matrix product."""
        seen = {storage_of(tensor) for tensor in inputs}
        self._read |= seen & self._parameters
        sources: dict[int, int] = {}
        for tensor in inputs:
            sources |= self._sources(tensor) if tensor.is_floating_point() else {}
        if weighs:
            self._foreign |= {key: max(n, self._foreign.get(key, 0)) for key, n in sources.items()}
        written = {storage_of(tensor) for tensor in outputs}
        new = written - seen  # a view shares its storage: only new storages were made here
        self._made |= new
        for storage in new:  # the storage of a tensor that is gone may come again
            self._carried.pop(storage, None)
            self._from_image.discard(storage)
        if seen & self._from_image:
            self._from_image |= written
        elif sources:
            for storage in written & self._made:
                self._carried[storage] = {**self._carried.get(storage, {}), **sources}

    def _sources(self, tensor: Tensor) -> dict[int, int]:
        """The foreign weights that a tensor stands for: itself, or those that it was made from."""
        storage = storage_of(tensor)
        if storage in self._from_image or storage in self._parameters:
            return {}
        if storage in self._made:
            return self._carried.get(storage, {})
        return {storage: tensor.numel()}

    def unread(self, model: nn.Module) -> int:
        """Elements of parameters that no operator read."""
        return sum(p.numel() for p in model.parameters() if storage_of(p) not in self._read)

    def elsewhere(self) -> int:
        """Elements of weights from elsewhere."""
        return sum(self._foreign.values())
