"""Losses against numbers worked out by hand and against independent formulas in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import l1_loss, mse_loss

from train.losses import (
    LOSSES,
    LossTerm,
    charbonnier,
    gradient_weighted,
    l1,
    l2,
    psnr_loss,
    sobel,
    weighted_sum,
)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.rand(3, 3, 7, 9, dtype=torch.float64, generator=generator),
        torch.rand(3, 3, 7, 9, dtype=torch.float64, generator=generator),
    )


def test_l1_and_l2_are_the_mean_errors(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    torch.testing.assert_close(l1(*pair), l1_loss(*pair))
    torch.testing.assert_close(l2(*pair), mse_loss(*pair))


def test_charbonnier_by_hand() -> None:
    prediction = torch.tensor([[[[0.3, 0.0]]]], dtype=torch.float64)
    target = torch.tensor([[[[0.0, 0.0]]]], dtype=torch.float64)
    expected = (math.hypot(0.3, 0.4) + 0.4) / 2
    assert charbonnier(prediction, target, eps=0.4).item() == pytest.approx(expected, abs=1e-15)


def test_psnr_loss_is_minus_the_mean_psnr_of_the_images(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    mse = ((pair[0] - pair[1]).numpy() ** 2).mean(axis=(1, 2, 3))
    expected = -np.mean(10 * np.log10(1 / mse))
    assert psnr_loss(*pair).item() == pytest.approx(expected, abs=1e-6)


def test_psnr_loss_and_its_gradient_stay_finite_for_equal_images() -> None:
    prediction = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    loss = psnr_loss(prediction, torch.full((1, 3, 4, 4), 0.5))
    loss.backward()
    assert loss.item() == pytest.approx(-80, abs=1e-3)
    assert prediction.grad is not None and prediction.grad.isfinite().all()


def test_sobel_of_a_ramp() -> None:
    ramp = torch.arange(6.0).expand(1, 1, 5, 6)
    horizontal, vertical = sobel(ramp)
    torch.testing.assert_close(horizontal[..., 1:-1], torch.full((1, 1, 5, 4), 8.0))
    torch.testing.assert_close(vertical, torch.zeros_like(vertical))


def test_gradient_weighted_is_l1_for_a_constant_offset() -> None:
    target = torch.rand(2, 3, 6, 6, dtype=torch.float64)
    assert gradient_weighted(target + 0.25, target).item() == pytest.approx(0.25, abs=1e-12)


def test_gradient_weighted_against_loops(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    """The paper's definition with the gradients of both images taken apart, in plain loops."""
    prediction, target = (np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge") for x in pair)
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=np.float64)
    total, count = 0.0, 0
    for n, c, y, x in np.ndindex(3, 3, 7, 9):
        a, b = prediction[n, c, y : y + 3, x : x + 3], target[n, c, y : y + 3, x : x + 3]
        dx = abs((a * kernel).sum() - (b * kernel).sum())
        dy = abs((a * kernel.T).sum() - (b * kernel.T).sum())
        total += abs((1 + 4 * dx) * (1 + 4 * dy) * (a[1, 1] - b[1, 1]))
        count += 1
    assert gradient_weighted(*pair).item() == pytest.approx(total / count, rel=1e-12)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_halves_of_a_batch_average_to_the_whole(name: str) -> None:
    prediction, target = torch.rand(4, 3, 8, 8).double(), torch.rand(4, 3, 8, 8).double()
    loss = LOSSES[name]
    halves = (loss(prediction[:2], target[:2]) + loss(prediction[2:], target[2:])) / 2
    torch.testing.assert_close(loss(prediction, target), halves)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    prediction = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    target = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, target), (prediction,))


def test_weighted_sum_adds_weight_times_loss(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    terms = [LossTerm("l1", 1.0), LossTerm("gradient_weighted", 3.0, {"alpha": 2.0})]
    expected = l1(*pair) + 3 * gradient_weighted(*pair, alpha=2.0)
    torch.testing.assert_close(weighted_sum(terms, *pair), expected)


def test_weighted_sum_of_nothing_is_refused(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="terms: expected at least one loss, got none"):
        weighted_sum([], *pair)
