"""Geometric self-ensemble and model fusion, for models that map (N, C, H, W) to (N, C, H*scale, W*scale).

The two combine: `ModelEnsemble({"a": a, "b": b}, fusion, run=self_ensembled)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

Forward = Callable[[Tensor], Tensor]
Fusion = Callable[[Sequence[Tensor]], Tensor]

SYMMETRIES = 8
_MIB = 2**20


def transform(x: Tensor, index: int) -> Tensor:
    """Symmetry `index` (0..7) of the square, applied to the last two dimensions of `x`, of any dtype and range.

    Index 0 is the identity. Bit 0 flips left to right, bit 1 flips top to bottom, and bit 2 then transposes, so the
    indices 4..7 swap height and width.
    """
    flips = [dim for bit, dim in ((1, -1), (2, -2)) if index & bit]
    flipped = x.flip(flips) if flips else x
    return flipped.transpose(-2, -1) if index & 4 else flipped


def inverse(x: Tensor, index: int) -> Tensor:
    """Undo `transform(x, index)` on the last two dimensions of `x`, of any dtype and range."""
    straight = x.transpose(-2, -1) if index & 4 else x
    flips = [dim for bit, dim in ((1, -1), (2, -2)) if index & bit]
    return straight.flip(flips) if flips else straight


def self_ensembled(forward: Forward) -> Forward:
    """x8 geometric self-ensemble: the mean of the outputs of `forward` for the eight symmetries, each turned back.

    Maps float (N, C, H, W) to (N, C, H*scale, W*scale). EDSR (CVPRW 2017), section 4.3, calls it "+". Symmetries run
    one at a time: eight times the time and hardly more memory. Values leave the data range as far as those of
    `forward` do.
    """

    def run(x: Tensor) -> Tensor:
        total = forward(x)
        for index in range(1, SYMMETRIES):
            # contiguous: the model sees what it would see for an image that was stored this way
            total = total + inverse(forward(transform(x, index).contiguous()), index)
        return total / SYMMETRIES

    return run


def mean_fusion(outputs: Sequence[Tensor]) -> Tensor:
    """The plain mean of float tensors of one shape, in any range."""
    return torch.stack(list(outputs)).mean(0)


def mse_weights(outputs: Sequence[Tensor], *, tie: float = 1e-4) -> Tensor:
    """Weights of float `outputs` (each (N, C, H, W)) by closeness to their mean: (models, N); each column sums to 1.

    The rule is that of team ZZPM, NTIRE 2023. Each model's MSE to the mean of all models is negated, min-max
    normalised over the models, and divided by the sum. The model farthest from the mean therefore gets 0. If the
    MSEs span less than `tie`, or are not numbers, the weights are uniform.

    `tie` is absolute, so the value range is part of the rule. The MSEs of good models nearly always lie within 1e-4
    of each other on 0..1 images, which gives uniform weights, and nearly never on 0..255 images.
    """
    stack = torch.stack(list(outputs))
    errors = (stack - stack.mean(0)).square().flatten(2).mean(-1)
    span = errors.amax(0) - errors.amin(0)
    scores = (errors.amax(0) - errors) / span
    weights = scores / scores.sum(0)
    return torch.where(span >= tie, weights, torch.full_like(weights, 1 / len(errors)))


def weighted_fusion(outputs: Sequence[Tensor], weights: Tensor) -> Tensor:
    """The sum of float `outputs` (each (N, C, H, W)) times `weights` (models, N), in the range of the outputs."""
    return (torch.stack(list(outputs)) * weights[:, :, None, None, None]).sum(0)


class MSEFusion:
    """Fuses by `mse_weights` of the outputs times `factor`. The result keeps the range of the outputs.

    For models on 0..1, factor 1 is what team SYSU-SR (NTIRE 2024) released, and factor 255 is what the paper of the
    rule says. For models on 0..255 these are the factors 1/255 and 1.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def __call__(self, outputs: Sequence[Tensor]) -> Tensor:
        return weighted_fusion(outputs, mse_weights([output * self.factor for output in outputs]))


def fusion_rule(name: str, *, data_range: float) -> Fusion:
    """The fusion rule `name` for outputs in 0..`data_range`: `mean`, `mse1` (weights on 0..1 values) or `mse255`.

    Raises ValueError that lists the known rules.
    """
    if name == "mean":
        return mean_fusion
    if name in ("mse1", "mse255"):
        return MSEFusion(float(name[3:]) / data_range)
    raise ValueError(f"unknown fusion rule '{name}' (there are: mean, mse1, mse255)")


def unchanged(forward: Forward) -> Forward:
    """`forward` itself: a member of an ensemble that runs once."""
    return forward


class ModelEnsemble(nn.Module):
    """Runs every member on the same input and fuses their outputs.

    Maps float (N, C, H, W) to what `fusion` makes of the members' outputs. `members` maps names to models; the names
    prefix their `state_dict` keys. `run` says how a member runs: `unchanged` or `self_ensembled`.

    If a CUDA device has less than `turns_below_mib` of free memory, the members take turns on it and the others wait
    in main memory. The measured runtime then contains the moves. MemoryError names the remedy if even one member
    does not fit. A limit of 0 keeps all members on the device.
    """

    def __init__(
        self,
        members: Mapping[str, nn.Module],
        fusion: Fusion = mean_fusion,
        *,
        run: Callable[[Forward], Forward] = unchanged,
        turns_below_mib: float = 0,
    ) -> None:
        super().__init__()
        if not members:
            raise ValueError("an ensemble needs at least one member")
        self.names = tuple(members)
        for name, member in members.items():
            self.add_module(name, member)
        self.fusion = fusion
        self.run = run
        self.turns_below_mib = turns_below_mib

    def forward(self, x: Tensor) -> Tensor:
        if free_memory_mib(x.device) < self.turns_below_mib:
            return self.fusion([self._in_turn(name, x) for name in self.names])
        return self.fusion([self._resident(name, x) for name in self.names])

    def _resident(self, name: str, x: Tensor) -> Tensor:
        return self.run(self.get_submodule(name).to(x.device))(x)

    def _in_turn(self, name: str, x: Tensor) -> Tensor:
        for other in self.names:
            if other != name:
                self.get_submodule(other).to("cpu")
        release_cached(x.device)
        try:
            return self._resident(name, x)
        except torch.OutOfMemoryError:
            height, width = x.shape[-2:]
            free = free_memory_mib(x.device)
            raise MemoryError(
                f"member '{name}' alone does not fit a {width}x{height} input into the device's memory "
                f"({free:.0f} MiB are free): run it in tiles"
            ) from None


def free_memory_mib(device: torch.device) -> float:
    """Free memory of a CUDA device in MiB, with what torch holds but does not use; infinite elsewhere."""
    if device.type != "cuda":
        return math.inf
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return (free + held) / _MIB


def release_cached(device: torch.device) -> None:
    """Give back device memory that torch's allocator holds without using it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
