"""Structured pruning by L2 norm. Whole channels are removed, so parameters and FLOPs really fall.

A chain is a row of convolutions. Each feeds only the next, through an activation without parameters, so no other layer
sees the channels between two neighbours. These channels are ranked by the L2 norm of the filter that makes them (Li et
al., "Pruning filters for efficient ConvNets", ICLR 2017). The weakest are removed from the outputs of the first
convolution and the inputs of the second. How many are removed at a time follows Zhu & Gupta (2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from data.errors import InputError
from train.networks import State
from train.schedule import cubic_sparsity


def filter_norms(state: Mapping[str, Tensor], conv: str) -> Tensor:
    """L2 norm of each output filter of the convolution `conv` in `state`, without the bias: float (out,)."""
    return state[f"{conv}.weight"].flatten(1).norm(dim=1)


def strongest(norms: Tensor, keep: int) -> Tensor:
    """Ascending indices of the `keep` largest of `norms` (channels,); of equal norms the first stay."""
    if not 1 <= keep <= len(norms):
        raise ValueError(f"keep: expected 1 to {len(norms)} channels, got {keep}")
    order = torch.sort(norms, descending=True, stable=True).indices
    return torch.sort(order[:keep]).values


def prune_chain(state: Mapping[str, Tensor], chain: Sequence[str], keep: int) -> State:
    """A copy of `state` with `keep` channels between any two neighbours of `chain` (names of convolutions)."""
    pruned: State = dict(state)
    for producer, consumer in pairwise(chain):
        kept = strongest(filter_norms(pruned, producer), keep)
        pruned[f"{producer}.weight"] = pruned[f"{producer}.weight"][kept].clone()
        pruned[f"{producer}.bias"] = pruned[f"{producer}.bias"][kept].clone()
        pruned[f"{consumer}.weight"] = pruned[f"{consumer}.weight"][:, kept].clone()
    return pruned


def prune_chains(
    state: Mapping[str, Tensor], chains: Sequence[Sequence[str]], widths: Sequence[int]
) -> State:
    """`prune_chain` for each chain with its own width."""
    pruned: State = dict(state)
    for chain, width in zip(chains, widths, strict=True):
        pruned = prune_chain(pruned, chain, width)
    return pruned


def chain_widths(state: Mapping[str, Tensor], chains: Sequence[Sequence[str]]) -> list[int]:
    """The number of channels that each chain has between its convolutions."""
    return [len(state[f"{chain[0]}.weight"]) for chain in chains]


def check_chains(
    state: Mapping[str, Tensor], chains: Sequence[Sequence[str]], final: Sequence[int], origin: str
) -> None:
    """Raise InputError, naming a field below `origin`, if chains or final widths do not fit `state`."""
    for chain in chains:
        for conv in chain:
            if f"{conv}.weight" not in state or f"{conv}.bias" not in state:
                raise InputError(f"{origin}.chains: the network has no convolution {conv!r} with a bias")
        for producer, consumer in pairwise(chain):
            gives, takes = len(state[f"{producer}.weight"]), state[f"{consumer}.weight"].shape[1]
            if gives != takes:
                raise InputError(
                    f"{origin}.chains: {producer} gives {gives} channels, {consumer} takes {takes}; "
                    "expected a row of convolutions that feed only the next"
                )
    for width, now in zip(final, chain_widths(state, chains), strict=True):
        if not 1 <= width <= now:
            raise InputError(
                f"{origin}.final: {width} channels; expected 1 to {now}, as many as the chain has now"
            )


def scheduled_widths(start: Sequence[int], final: Sequence[int], event: int, events: int) -> list[int]:
    """Widths after pruning `event` of `events`. The share removed follows `cubic_sparsity` up to `final`."""
    done = cubic_sparsity(event, events, final=1.0)
    return [round(first - (first - last) * done) for first, last in zip(start, final, strict=True)]
