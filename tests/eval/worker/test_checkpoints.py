"""What is counted in a checkpoint."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from eval.worker.adapters import checkpoints


def elements(content: Any) -> int:
    return sum(tensor.numel() for tensor in checkpoints.tensors(content))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.Adam(p, amsgrad=True),
        lambda p: torch.optim.AdamW(p),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    ],
)
def test_the_state_of_an_optimizer_is_no_part_of_the_network(optimizer: Any) -> None:
    network = nn.Conv2d(3, 4, 3)
    trained = optimizer(network.parameters())
    network(torch.ones(1, 3, 4, 4)).sum().backward()
    trained.step()
    own = sum(one.numel() for one in network.parameters())
    content = {"params": network.state_dict(), "optimizer": trained.state_dict(), "epoch": 3}
    assert elements(content) == elements({"params": network.state_dict()}) == own
    assert elements({"state": [content]}) == own  # nested, as training frameworks save it


@pytest.mark.parametrize(
    "state",
    [
        {0: {"exp_avg": torch.ones(2, 2), "hidden": torch.ones(50)}},
        {0: {str(i): torch.ones(2, 2) for i in range(4)}},
        {"hidden": {"exp_avg": torch.ones(2, 2)}},
        {0: torch.ones(2, 2)},
    ],
)
def test_weights_under_the_name_of_an_optimizer_are_counted(state: Any) -> None:
    assert elements({"state": state, "param_groups": []}) >= 4
