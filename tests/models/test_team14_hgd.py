"""HGD: sizes of the three networks, the fusion as declared, and the layouts of the three checkpoints."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from spandrel.architectures.DAT import DAT
from spandrel.architectures.GRL import GRL
from spandrel.architectures.HAT import HAT
from torch import Tensor, nn

from models.ensemble import fusion_rule, self_ensembled
from models.team14_HGD import DAT_BASE, GRL_B, HAT_L, HGD, ReleasedGRL

SMALL_GRL: dict[str, Any] = {
    "embed_dim": 36,
    "depths": [1],
    "num_heads_window": [2],
    "num_heads_stripe": [2],
    "window_size": 8,
    "stripe_size": [8, 8],
}
SMALL: dict[str, Any] = {
    "hat": {"embed_dim": 36, "depths": [1], "num_heads": [2], "window_size": 8, "squeeze_factor": 6},
    "grl": SMALL_GRL,
    "dat": {"embed_dim": 36, "depth": [1], "num_heads": [2], "split_size": [4, 8]},
}


def seeded(**arguments: Any) -> HGD:
    torch.manual_seed(0)
    return HGD(**SMALL, **arguments).eval().requires_grad_(False)


@pytest.mark.parametrize(
    "build, expected",
    [
        (lambda: HAT(**HAT_L), 40_846_575),
        (lambda: GRL(**GRL_B), 20_201_299),
        (lambda: DAT(**DAT_BASE), 14_802_051),
    ],
    ids=["HAT-L", "GRL-B", "DAT"],
)
def test_full_size_networks_have_the_published_counts(build: Any, expected: int) -> None:
    assert sum(parameter.numel() for parameter in build().parameters()) == expected


@pytest.mark.parametrize("fusion", ["mse1", "mse255"])
def test_output_is_the_fusion_of_the_self_ensembled_members(fusion: str) -> None:
    network = seeded(fusion=fusion)
    image = torch.rand(1, 3, 17, 24)
    members: list[nn.Module] = [network.get_submodule(name) for name in ("hat", "grl", "dat")]
    expected = fusion_rule(fusion, data_range=1.0)([self_ensembled(member)(image) for member in members])
    assert torch.equal(network(image), expected)
    assert expected.shape == (1, 3, 68, 96)


def test_without_self_ensemble_each_member_runs_once() -> None:
    network = seeded(self_ensemble=False, fusion="mean")
    image = torch.rand(1, 3, 16, 16)
    outputs = [network.get_submodule(name)(image) for name in ("hat", "grl", "dat")]
    assert torch.equal(network(image), torch.stack(outputs).mean(0))


def test_state_is_the_three_networks_states_under_their_names() -> None:
    network = seeded()
    assert {key.partition(".")[0] for key in network.state_dict()} == {"hat", "grl", "dat"}
    assert set(HAT(**HAT_L | SMALL["hat"]).state_dict()) == {
        key.removeprefix("hat.") for key in network.state_dict() if key.startswith("hat.")
    }


def test_grl_takes_the_authors_layout() -> None:
    torch.manual_seed(4)
    source = GRL(**GRL_B | SMALL_GRL).eval()
    released: dict[str, Tensor] = {f"model.{key}": value for key, value in source.state_dict().items()}
    released["model.table_w"] = torch.zeros(1)
    released["model.index_sh_a2w"] = torch.zeros(1)
    network = ReleasedGRL(**GRL_B | SMALL_GRL).eval()
    network.load_state_dict(released, strict=True)
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(network(image), source(image))


def test_grl_takes_the_authors_layout_inside_the_ensemble() -> None:
    network = seeded()
    state = network.state_dict()
    moved = {
        (f"grl.model.{key[4:]}" if key.startswith("grl.") else key): value for key, value in state.items()
    }
    network.load_state_dict(moved, strict=True)


def test_hat_pads_to_its_window_by_reflection() -> None:
    hat = seeded().get_submodule("hat")
    image = torch.rand(1, 3, 13, 20)
    wide = nn.functional.pad(image, (0, 4, 0, 3), mode="reflect")
    torch.testing.assert_close(hat(image), hat(wide)[..., :52, :80], rtol=0, atol=1e-6)


def test_unknown_fusion_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown fusion rule 'best'"):
        HGD(**SMALL, fusion="best")
