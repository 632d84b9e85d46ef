"""Learning rates and sparsity at their ends and in between; the average of an EMA by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from train.ema import Ema
from train.schedule import constant, cosine, cubic_sparsity, halving, warmup


def test_cosine_starts_at_lr_and_ends_at_the_floor() -> None:
    rates = [cosine(step, lr=1e-3, lr_min=1e-5, steps=101) for step in range(101)]
    assert rates[0] == 1e-3
    assert rates[50] == pytest.approx((1e-3 + 1e-5) / 2)
    assert rates[100] == pytest.approx(1e-5)
    assert rates == sorted(rates, reverse=True)
    assert cosine(500, lr=1e-3, lr_min=1e-5, steps=101) == pytest.approx(1e-5)


def test_cosine_of_one_step_is_the_starting_rate() -> None:
    assert cosine(0, lr=1e-3, lr_min=1e-5, steps=1) == 1e-3


def test_halving_takes_effect_at_the_milestone() -> None:
    rates = [halving(step, lr=8.0, at=[2, 4]) for step in range(6)]
    assert rates == [8, 8, 4, 4, 2, 2]


def test_constant() -> None:
    assert constant(7, lr=0.5) == 0.5


def test_warmup_rises_linearly_and_stays() -> None:
    assert [warmup(step, steps=4) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert warmup(0, steps=0) == 1


def test_cubic_sparsity_against_the_formula() -> None:
    assert cubic_sparsity(0, 4, final=0.5) == 0
    assert cubic_sparsity(2, 4, final=0.5) == pytest.approx(0.5 - 0.5 * 0.125)
    assert cubic_sparsity(4, 4, final=0.5) == 0.5
    assert cubic_sparsity(9, 4, final=0.5) == 0.5
    assert cubic_sparsity(1, 2, final=0.8, initial=0.4) == pytest.approx(0.8 - 0.4 * 0.125)


def test_ema_by_hand() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    ema = Ema(layer, decay=0.75)
    nn.init.constant_(layer.weight, 5.0)
    ema.update(layer)
    assert ema.state_dict()["weight"].item() == 2.0
    ema.update(layer)
    assert ema.state_dict()["weight"].item() == 2.75


def test_ema_survives_saving() -> None:
    layer = nn.Linear(2, 2)
    first, second = Ema(layer, 0.9), Ema(nn.Linear(2, 2), 0.9)
    second.load_state_dict(first.state_dict())
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value)
    with pytest.raises(KeyError):
        second.load_state_dict({})
