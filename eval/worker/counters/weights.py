"""Which weights a pass reads: parameters, and everything else that meets the image.

An activation is a tensor that an operator made from something derived from the image. Whatever else meets an activation
is a weight, in any operator. Two kinds of tensors are weights only if they multiply the activation: those that
operators generate from nothing (grids, masks, windows), and integers that pick elements (the index of a relative
position). The running statistics of a batch norm are no weights. Masks (large constants of two values, added only) are
counted by their bits, and once if they are equal.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from eval.protocol.operators import operator_names
from eval.worker.counters.dispatch import storage_of, tensors_in
from eval.worker.counters.products import FUSED, PRODUCTS

# Storage, its elements, and where in it: offset, sizes with strides
_Place = tuple[int, int, int, tuple[tuple[int, int], ...]]
_Sources = frozenset[_Place]

# They make a tensor of one value.
_FILLS = operator_names(
    "empty empty_like empty_strided empty_permuted fill_ full full_like new_empty new_empty_strided new_full new_ones"
    " new_zeros ones ones_like scalar_tensor zero_ zeros zeros_like"
)
# They pick elements by integers.
_PICKS = operator_names("embedding gather index index_select take take_along_dim _unsafe_index")
_JOINS = operator_names("cat stack")
# Arguments that are added to an activation, that normalise it or that pick: positions, by a part of the operator's name
_NO_FACTORS = {"scaled_dot_product": {3}, "batch_norm": {3, 4}, "embedding_bag": {1, 2}}
_MULTIPLY = PRODUCTS | FUSED
# Constants of fewer elements are not looked into.
_LARGE = 1024
_BITS_OF_A_WEIGHT = 32


@dataclass(frozen=True)
class _Origin:
    """What a tensor that is no activation was made from.

    firm: tensors that were there before, parameters too; weights in any operator. soft: generated tensors and indices;
    weights where they multiply. generated: made from nothing else. plain: of one value.
    """

    firm: _Sources = frozenset()
    soft: _Sources = frozenset()
    generated: bool = False
    plain: bool = False


_GENERATED, _PLAIN = _Origin(generated=True), _Origin(plain=True)


class WeightWatch:
    """Follows where tensors come from in one pass."""

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        self._parameters = {storage_of(p) for p in model.parameters()}
        self._covered: dict[int, int] = defaultdict(int)
        for place in {_place(p) for p in model.parameters()}:
            self._covered[place[0]] += _elements(place)
        self._read: set[int] = set()
        self._from_image = {storage_of(image)}
        self._made: dict[int, _Origin] = {}
        self._met: set[_Place] = set()
        self._in_code = 0
        self._contents: dict[bytes, _Place] = {}
        self._stored: dict[_Place, _Place] = {}
        self._two_valued: set[_Place] = set()
        self._pixels = image.shape[-2] * image.shape[-1]
        # As long as these exist, no other storage gets the number of one that is gone.
        self._kept: dict[int, StorageWeakRef] = {}

    def see(
        self, name: str, args: Any, kwargs: Any, outputs: list[Tensor], *, weighs: bool, writes: bool
    ) -> None:
        """One executed operator.

        weighs: whether it is a convolution or a matrix product. writes: whether it changes its arguments.
        """
        inputs = tensors_in((args, kwargs))
        read, written = {storage_of(one) for one in inputs}, {storage_of(one) for one in outputs}
        self._read |= read & self._parameters
        for one in (*inputs, *outputs):
            if storage_of(one) not in self._kept:
                self._keep(one)
        if read & self._from_image:
            self._meet(name, args, kwargs, written, weighs)
            self._in_code += _numbers(name, args, kwargs)
            self._from_image |= written
            return
        origin = self._joined(name, inputs, outputs)
        for storage in written - self._from_image:
            if storage not in read or storage in self._made or writes:
                self._made[storage] = origin

    def _keep(self, tensor: Tensor) -> None:
        if storage := storage_of(tensor):
            self._kept[storage] = StorageWeakRef(tensor.untyped_storage())

    def _meet(self, name: str, args: Any, kwargs: Any, written: set[int], weighs: bool) -> None:
        """Everything among the arguments that is no activation meets one."""
        inputs = tensors_in((args, kwargs))
        largest = max(one.numel() for one in inputs if storage_of(one) in self._from_image)
        spared = _spared(name, args, kwargs)
        for one in inputs:
            storage = storage_of(one)
            if storage in self._from_image or (id(one) in spared and "batch_norm" in name):
                continue
            origin, place = self._origin(one), _place(one)
            if storage in written and storage not in self._made:
                origin = _Origin(frozenset({_whole(one)}))  # from now on all of it passes for an activation
            elements = _elements(place)
            factor = id(one) not in spared and (weighs or (name in _MULTIPLY and elements < self._pixels))
            if factor or elements > 1 or storage in written:
                mask = storage not in self._made and not factor and storage not in written
                self._met |= {self._as_mask(one, place)} if mask else origin.firm
            if factor or (elements > largest and name not in _JOINS):
                self._met |= origin.soft | ({place} if origin.generated else set())

    def _joined(self, name: str, inputs: list[Tensor], outputs: list[Tensor]) -> _Origin:
        """The origin of what an operator makes from tensors that are no activations."""
        if name in _FILLS and all(one.numel() == _capacity(one) for one in outputs):
            return _PLAIN
        origins = [(one, self._origin(one)) for one in inputs]
        if len(origins) == 1 and storage_of(inputs[0]) in {storage_of(one) for one in outputs}:
            return _GENERATED if origins[0][1].plain and name.endswith("_") else origins[0][1]
        if all(origin.generated or origin.plain for _, origin in origins):
            return _GENERATED
        firm: set[_Place] = set()
        soft: set[_Place] = set()
        for one, origin in origins:
            picks = name in _PICKS and not one.is_floating_point()
            (soft if picks else firm).update(origin.firm)
            soft |= origin.soft | ({_place(one)} if origin.generated else set())
        return _Origin(frozenset(firm), frozenset(soft))

    def _origin(self, tensor: Tensor) -> _Origin:
        made = self._made.get(storage_of(tensor))
        return made if made is not None else _Origin(frozenset({_place(tensor)}))

    def _as_mask(self, tensor: Tensor, place: _Place) -> _Place:
        """Where a constant lies that is only added. Of equal masks, it is the place of the first."""
        small = _elements(place) < _LARGE or tensor.is_complex() or tensor.is_quantized
        if small or place[0] in self._parameters:
            return place
        if place not in self._stored:
            values = tensor.detach().cpu().contiguous()
            self._stored[place] = place
            if bool(((values == values.min()) | (values == values.max())).all()):
                content = hashlib.blake2b(values.view(-1).view(torch.uint8).numpy().tobytes()).digest()
                self._stored[place] = self._contents.setdefault(content, place)
                self._two_valued.add(self._stored[place])
        return self._stored[place]

    def unread(self, model: nn.Module) -> dict[str, int]:
        """Elements of parameters that no operator read, by name."""
        return {name: p.numel() for name, p in model.named_parameters() if storage_of(p) not in self._read}

    def elsewhere(self) -> int:
        """Elements of weights that are no parameters, and numbers in the code that activations are multiplied by."""
        found: dict[int, int] = defaultdict(int)
        capacity: dict[int, int] = {}
        for place in self._met:
            two_valued = place in self._two_valued
            found[place[0]] += _elements(place) // (_BITS_OF_A_WEIGHT if two_valued else 1)
            capacity[place[0]] = max(place[1], capacity.get(place[0], 0))
        hidden = (min(found[one], capacity[one]) - self._covered.get(one, 0) for one in found)
        return sum(max(count, 0) for count in hidden) + self._in_code


def _spared(name: str, args: Any, kwargs: Any) -> set[int]:
    """Identities of the arguments that multiply nothing."""
    positions = next((found for part, found in _NO_FACTORS.items() if part in name), set())
    added = [args[position] for position in positions if position < len(args)]
    return {id(one) for one in tensors_in([*added, kwargs.get("attn_mask"), kwargs.get("attn_bias")])}


def _numbers(name: str, args: Any, kwargs: Any) -> int:
    """How many numbers in the code multiply the operator's tensors."""
    values = [*(args if name in _MULTIPLY else ()), kwargs.get("alpha"), kwargs.get("value")]
    return sum(isinstance(value, float) and abs(value) not in (0.0, 1.0) for value in values)


def _capacity(tensor: Tensor) -> int:
    """Elements that fit into a tensor's storage."""
    return (
        tensor.untyped_storage().nbytes() // tensor.element_size() if storage_of(tensor) else tensor.numel()
    )


def _place(tensor: Tensor) -> _Place:
    """Where a tensor's elements lie. Equal for all its views of the same elements: reshaped, turned or expanded."""
    if not (storage := storage_of(tensor)):
        return 0, tensor.numel(), 0, ((tensor.numel(), 1),)
    axes = zip(tensor.stride(), tensor.shape, strict=True)
    merged: list[tuple[int, int]] = []
    for stride, size in sorted((axis for axis in axes if axis[0] and axis[1] != 1), reverse=True):
        if merged and merged[-1][1] == stride * size:
            merged[-1] = merged[-1][0] * size, stride
        else:
            merged.append((size, stride))
    return storage, _capacity(tensor), int(tensor.storage_offset()), tuple(merged)


def _whole(tensor: Tensor) -> _Place:
    """All that lies in a tensor's storage."""
    return storage_of(tensor), _capacity(tensor), 0, ((_capacity(tensor), 1),)


def _elements(place: _Place) -> int:
    """Elements that differ in memory: an expanded tensor has fewer than it shows."""
    return math.prod(size for size, _ in place[3])
