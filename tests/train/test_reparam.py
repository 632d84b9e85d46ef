"""Folding is exact, every branch learns, and a folded network loads as the plain one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.team21_SlimRLFN import SlimRLFN
from train.reparam import RepConv, fold_all, unfolded

SHAPES = [(6, 6, 1, 1), (3, 8, 1, 1), (5, 5, 2, 0), (4, 4, 1, 0), (4, 7, 2, 1)]


def _random(in_channels: int, out_channels: int, stride: int, padding: int) -> RepConv:
    torch.manual_seed(in_channels * 100 + out_channels)
    conv = RepConv(in_channels, out_channels, stride=stride, padding=padding)
    for parameter in conv.parameters():
        nn.init.normal_(parameter, std=0.3)
    return conv


def _sum_of_branches(conv: RepConv, x: Tensor) -> Tensor:
    """Every branch run as its own layers and added up: the definition.

    The input is padded before the 1x1 of the sequence, so that the 1x1's bias also stands in the border: padding
    after it would not fold into one zero-padded convolution.
    """
    padded = F.pad(x, [conv.padding] * 4)
    inner = padded[:, :, 1:-1, 1:-1]  # where the centre tap of a 3x3 kernel falls
    total = F.conv2d(padded, conv.square.weight, conv.square.bias, stride=conv.stride)
    total = total + F.conv2d(inner, conv.point.weight, conv.point.bias, stride=conv.stride)
    total = total + F.conv2d(conv.widen(padded), conv.narrow.weight, conv.narrow.bias, stride=conv.stride)
    return total + inner if conv.has_identity else total


@pytest.mark.parametrize(("inputs", "outputs", "stride", "padding"), SHAPES)
def test_folded_convolution_equals_the_sum_of_the_branches(
    inputs: int, outputs: int, stride: int, padding: int
) -> None:
    conv = _random(inputs, outputs, stride, padding)
    x = torch.rand(2, inputs, 11, 13)
    branches = _sum_of_branches(conv, x)
    assert (conv(x) - branches).abs().max() < 1e-5
    assert (conv.fold()(x) - branches).abs().max() < 1e-5


def test_identity_branch_only_where_shapes_allow() -> None:
    assert RepConv(6, 6).has_identity
    assert not RepConv(6, 7).has_identity
    assert not RepConv(6, 6, stride=2, padding=0).has_identity


@pytest.mark.parametrize(("inputs", "outputs", "stride", "padding"), SHAPES)
def test_gradients_flow_in_all_branches(inputs: int, outputs: int, stride: int, padding: int) -> None:
    conv = _random(inputs, outputs, stride, padding)
    conv(torch.rand(1, inputs, 9, 9)).square().mean().backward()
    for name, parameter in conv.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_gradients_equal_those_of_the_branches() -> None:
    conv = _random(4, 4, 1, 1).double()
    x = torch.rand(1, 4, 6, 6, dtype=torch.float64)
    parameters = list(conv.parameters())
    fused = torch.autograd.grad(conv(x).square().sum(), parameters)
    branches = torch.autograd.grad(_sum_of_branches(conv, x).square().sum(), parameters)
    for first, second in zip(fused, branches, strict=True):
        torch.testing.assert_close(first, second)


def test_folded_slimrlfn_loads_strictly_as_the_plain_one() -> None:
    torch.manual_seed(0)
    training = SlimRLFN(channels=8, blocks=2, conv=RepConv)
    x = torch.rand(1, 3, 20, 22) * 255
    with torch.no_grad():
        before = training(x)
        convs = fold_all(training)
        plain = SlimRLFN(channels=8, blocks=2)
        plain.load_state_dict(training.state_dict(), strict=True)
        after = plain(x)
    assert convs == 3 + 2 * 5  # head, last and up-sampler; three in each block and two in its attention
    assert (after - before).abs().max() < 1e-5 * 255
    assert not any(isinstance(module, RepConv) for module in training.modules())


def test_a_plain_network_taken_into_branches_folds_back() -> None:
    torch.manual_seed(1)
    plain = SlimRLFN(channels=8, blocks=1)
    branched = SlimRLFN(channels=8, blocks=1, conv=RepConv)
    branched.load_state_dict(unfolded(branched, plain.state_dict()), strict=True)
    x = torch.rand(1, 3, 18, 16) * 255
    with torch.no_grad():
        assert (plain(x) - branched(x)).abs().max() < 1e-5 * 255
    state = branched.state_dict()
    assert unfolded(branched, state).keys() == state.keys()
