"""Pruning takes the weakest channels out, really, and in the right places."""

from __future__ import annotations

import pytest
import torch
from fvcore.nn import FlopCountAnalysis

from models.team21_SlimRLFN import SlimRLFN
from train.stages.prune_channels import (
    chain_widths,
    filter_norms,
    prune_chain,
    prune_chains,
    scheduled_widths,
    strongest,
)

SLIM_CHAINS = [[f"block_list.{block}.c{conv}_r" for conv in (1, 2, 3)] for block in range(6)]


def test_strongest_keeps_the_largest_norms_in_order() -> None:
    assert strongest(torch.tensor([3.0, 1.0, 2.0, 5.0]), 3).tolist() == [0, 2, 3]
    assert strongest(torch.ones(4), 2).tolist() == [0, 1]
    with pytest.raises(ValueError, match="keep: expected 1 to 4 channels, got 5"):
        strongest(torch.ones(4), 5)


def test_a_dead_channel_leaves_and_the_output_stays() -> None:
    torch.manual_seed(0)
    full = SlimRLFN(channels=6, blocks=1)
    state = full.state_dict()
    for conv, channel in (("c1_r", 2), ("c2_r", 4)):
        state[f"block_list.0.{conv}.weight"][channel] = 0
        state[f"block_list.0.{conv}.bias"][channel] = 0
    full.load_state_dict(state)
    slim = SlimRLFN(channels=6, blocks=1, inner=[5])
    slim.load_state_dict(prune_chain(state, SLIM_CHAINS[0], 5), strict=True)
    x = torch.rand(1, 3, 17, 19)
    with torch.no_grad():
        assert (full(x) - slim(x)).abs().max() < 1e-5


def test_pruning_leaves_the_original_state_alone() -> None:
    state = SlimRLFN(channels=6, blocks=1).state_dict()
    before = {name: value.clone() for name, value in state.items()}
    prune_chain(state, SLIM_CHAINS[0], 3)
    assert all(torch.equal(state[name], before[name]) for name in before)


def test_norm_is_over_each_filter() -> None:
    state = {"c.weight": torch.tensor([[[[3.0, 4.0]]], [[[0.0, 2.0]]]])}
    assert filter_norms(state, "c").tolist() == [5, 2]


def test_the_teams_pruned_network_is_one_outcome() -> None:
    """28 channels in the first five blocks, 30 in the last: the parameter and FLOP counts of the release."""
    state = SlimRLFN().state_dict()
    widths = scheduled_widths(chain_widths(state, SLIM_CHAINS), [28] * 5 + [30], 2, 2)
    assert widths == [28, 28, 28, 28, 28, 30]
    pruned = SlimRLFN(inner=widths)
    pruned.load_state_dict(prune_chains(state, SLIM_CHAINS, widths), strict=True)
    assert sum(parameter.numel() for parameter in pruned.parameters()) == 197_134
    x = torch.rand(1, 3, 64, 64)
    full_flops, pruned_flops = (
        FlopCountAnalysis(model, x).unsupported_ops_warnings(False).total() for model in (SlimRLFN(), pruned)
    )
    assert pruned_flops < full_flops


def test_widths_fall_fast_first_and_slowly_last() -> None:
    widths = [scheduled_widths([32], [16], event, 4)[0] for event in range(5)]
    assert widths == [32, 23, 18, 16, 16]
