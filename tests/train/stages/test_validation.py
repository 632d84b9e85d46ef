"""PSNR over shares of the validation images, as several processes measure it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from train.stages.validation import ValidationSet

CPU = torch.device("cpu")


class Nearest(nn.Module):
    """Repeats every pixel four times each way, and counts its calls."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x.repeat_interleave(4, 2).repeat_interleave(4, 3)


def some_pairs(count: int) -> ValidationSet:
    random = np.random.default_rng(0)
    lows = [random.integers(0, 256, (6, 7, 3), dtype=np.uint8) for _ in range(count)]
    highs = [random.integers(0, 256, (24, 28, 3), dtype=np.uint8) for _ in range(count)]
    return ValidationSet("pairs", list(zip(lows, highs, strict=True)), 4)


def test_shares_add_up_to_the_whole_and_each_pair_is_run_once() -> None:
    pairs, model = some_pairs(5), Nearest()
    whole, sample = pairs.scores(model, 255.0, CPU)
    model.calls = 0
    shares = [pairs.scores(model, 255.0, CPU, rank=rank, world=3) for rank in range(3)]
    assert model.calls == 5
    assert np.array_equal(sum(scores for scores, _ in shares), whole)
    assert sample is not None and np.array_equal(shares[0][1], sample)
    assert shares[1][1] is None and shares[2][1] is None


def test_more_processes_than_images() -> None:
    scores, sample = some_pairs(1).scores(Nearest(), 255.0, CPU, rank=1, world=2)
    assert not scores.any() and sample is None


def test_scores_are_those_of_the_definition() -> None:
    pairs, model = some_pairs(1), Nearest().train()
    scores, _ = pairs.scores(model, 255.0, CPU)
    low, high = pairs.pairs[0]
    wanted = np.repeat(np.repeat(low, 4, 0), 4, 1).astype(float)
    error = (wanted - high)[4:-4, 4:-4]
    assert abs(scores[0, 0] - 20 * np.log10(255 / np.sqrt(np.mean(error**2)))) < 1e-9
    assert model.training
