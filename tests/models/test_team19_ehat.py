"""EHAT against the golden output, against HAT, and its three checkpoint layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spandrel.architectures.HAT import HAT
from torch import Tensor

from models.team19_EHAT import (
    ADDED_VECTOR,
    EHAT,
    KEPT_VECTOR,
    RELEASED,
    DualAttention,
    PositionAttention,
    execution_order,
)

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "reference" / "golden" / "19_EHAT_small.npz"
needs_golden = pytest.mark.skipif(not GOLDEN.is_file(), reason=f"needs the golden output in {GOLDEN}")

SMALL: dict[str, Any] = {
    "depths": [2, 1],
    "num_heads": [2, 2],
    "embed_dim": 12,
    "window_size": 8,
    "squeeze_factor": 6,
}


@pytest.fixture(scope="module")
def golden() -> tuple[dict[str, Any], dict[str, Tensor], Tensor, Tensor]:
    with np.load(GOLDEN) as arrays:
        state = {name[3:]: torch.from_numpy(arrays[name]) for name in arrays if name.startswith("sd/")}
        config = json.loads(str(arrays["config"]))
        return config, state, torch.from_numpy(arrays["input"]), torch.from_numpy(arrays["output"])


def released_layout(network: EHAT) -> dict[str, Tensor]:
    """The network's state as the team saves it."""
    state = network.state_dict()
    depths = [len(group.blocks) for group in network.branches.groups]  # type: ignore[arg-type, union-attr]
    for vector, names in execution_order(depths).items():
        state[RELEASED + vector] = torch.stack([state.pop(f"branches.{name}") for name in names])
    return dict(state)


@needs_golden
def test_output_equals_the_released_code(
    golden: tuple[dict[str, Any], dict[str, Tensor], Tensor, Tensor],
) -> None:
    config, state, image, expected = golden
    network = EHAT(**config).eval()
    network.load_state_dict(state, strict=True)
    with torch.no_grad():
        out = network(image)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-5)


@needs_golden
@pytest.mark.parametrize("vector", [ADDED_VECTOR, KEPT_VECTOR])
def test_golden_output_depends_on_the_order_of_the_weights(
    golden: tuple[dict[str, Any], dict[str, Tensor], Tensor, Tensor], vector: str
) -> None:
    config, state, image, expected = golden
    used = len(execution_order(config["depths"])[vector])
    turned = state[RELEASED + vector].clone()
    turned[:used] = turned[:used].roll(1)
    network = EHAT(**config).eval()
    network.load_state_dict({**state, RELEASED + vector: turned}, strict=True)
    with torch.no_grad():
        assert (network(image) - expected).abs().max() > 1e-3


def test_full_size_has_the_published_count_of_parameters() -> None:
    network = EHAT()
    assert sum(parameter.numel() for parameter in network.parameters()) == 40_846_901


def test_full_size_has_as_many_branches_as_the_released_vectors() -> None:
    order = execution_order([6] * 12)
    assert {vector: len(names) for vector, names in order.items()} == {ADDED_VECTOR: 169, KEPT_VECTOR: 157}
    assert order[ADDED_VECTOR][:4] == [
        "stack_input",
        "groups.0.group_input",
        "groups.0.blocks.0.convolution_skip",
        "groups.0.after_block.0",
    ]
    assert order[KEPT_VECTOR][-2:] == ["groups.11.long_skip", "global_skip"]


def test_plain_hat_checkpoint_gives_exactly_hats_output() -> None:
    torch.manual_seed(1)
    hat, network = HAT(upscale=4, mlp_ratio=2, **SMALL).eval(), EHAT(**SMALL).eval()
    for weight in network.branches.parameters():
        torch.nn.init.normal_(weight)  # the checkpoint must bring them back to their initial values
    network.load_state_dict(hat.state_dict(), strict=True)
    image = torch.rand(1, 3, 19, 27)
    with torch.no_grad():
        assert torch.equal(network(image), hat(image))


def test_every_branch_takes_part() -> None:
    torch.manual_seed(2)
    network = EHAT(**SMALL).eval()
    network(torch.rand(1, 3, 16, 16)).square().mean().backward()
    unused = [name for name, weight in network.branches.named_parameters() if weight.grad is None]
    still = [name for name, weight in network.branches.named_parameters() if weight.grad == 0]
    assert (unused, still) == ([], [])


def test_released_and_own_layouts_are_the_same_network() -> None:
    torch.manual_seed(3)
    source = EHAT(**SMALL).eval()
    for weight in source.branches.parameters():
        torch.nn.init.normal_(weight)
    own, released = EHAT(**SMALL).eval(), EHAT(**SMALL).eval()
    own.load_state_dict(source.state_dict(), strict=True)
    released.load_state_dict(released_layout(source), strict=True)
    image = torch.rand(1, 3, 16, 24)
    with torch.no_grad():
        assert torch.equal(own(image), source(image))
        assert torch.equal(released(image), source(image))


def test_vector_that_is_too_short_is_named() -> None:
    network = EHAT(**SMALL)
    state = released_layout(network)
    state[RELEASED + ADDED_VECTOR] = state[RELEASED + ADDED_VECTOR][:-1]
    with pytest.raises(ValueError, match="weight_0 holds 10 branch weights, this EHAT uses 11"):
        network.load_state_dict(state, strict=True)


def test_missing_hat_weights_stay_an_error() -> None:
    network = EHAT(**SMALL)
    state = released_layout(network)
    del state["conv_last.bias"]
    with pytest.raises(RuntimeError, match=r"conv_last\.bias"):
        network.load_state_dict(state, strict=True)


def dual(**more: Any) -> EHAT:
    return EHAT(dual_attention=True, **SMALL, **more).eval()


def test_dual_attention_is_absent_unless_asked_for() -> None:
    assert not [name for name in EHAT(**SMALL).state_dict() if name.startswith("dual_attention")]
    assert {name for name in dual().state_dict() if name.endswith("_gate")} == {
        "dual_attention.position_gate",
        "dual_attention.channel_gate",
    }


@pytest.mark.parametrize("layout", ["own", "released", "hat"])
def test_checkpoints_without_dual_attention_give_exactly_their_output(layout: str) -> None:
    torch.manual_seed(4)
    source = HAT(upscale=4, mlp_ratio=2, **SMALL).eval() if layout == "hat" else EHAT(**SMALL).eval()
    state = (
        released_layout(source) if isinstance(source, EHAT) and layout == "released" else source.state_dict()
    )
    network = dual()
    torch.nn.init.ones_(network.dual_attention.position_gate)  # the checkpoint must bring it back to 0
    network.load_state_dict(state, strict=True)
    image = torch.rand(1, 3, 19, 27)
    with torch.no_grad():
        assert torch.equal(network(image), source(image))


def test_dual_attention_that_was_trained_is_kept() -> None:
    source, network = dual(), dual()
    torch.nn.init.constant_(source.dual_attention.channel_gate, 0.5)
    network.load_state_dict(source.state_dict(), strict=True)
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(network(image), source(image))
        assert not torch.equal(network(image), _plain(source)(image))


def _plain(source: EHAT) -> EHAT:
    network = EHAT(**SMALL).eval()
    state = {name: value for name, value in source.state_dict().items() if not name.startswith("dual_")}
    network.load_state_dict(state, strict=True)
    return network


def test_dual_attention_is_that_of_danet() -> None:
    """Against loops over pixels and channels, as the paper writes them."""
    torch.manual_seed(5)
    attention = DualAttention(16)
    x = torch.randn(1, 16, 3, 4)
    with torch.no_grad():
        attention.position_gate.fill_(0.7)
        attention.channel_gate.fill_(-0.4)
        query, key, value = (
            layer(x)[0].flatten(1).T
            for layer in (attention.position.query, attention.position.key, attention.position.value)
        )
        pixels = torch.stack([torch.softmax(key @ one, 0) @ value for one in query]).T.reshape(x.shape)
        rows = x[0].flatten(1)
        channels = torch.stack([torch.softmax((rows @ one).max() - rows @ one, 0) @ rows for one in rows])
        expected = x + 0.7 * pixels - 0.4 * channels.reshape(x.shape)
        torch.testing.assert_close(attention(x), expected, rtol=1e-4, atol=1e-4)


def test_rows_at_a_time_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(7)
    attention, x = PositionAttention(16), torch.randn(2, 16, 5, 7)
    with torch.no_grad():
        whole = attention(x)
        monkeypatch.setattr(PositionAttention, "ROWS", 6)
        torch.testing.assert_close(attention(x), whole)


def test_gates_that_start_at_zero_learn() -> None:
    torch.manual_seed(6)
    network = dual().train()
    network(torch.rand(1, 3, 16, 16)).square().mean().backward()
    assert network.dual_attention.position_gate.grad != 0
    assert network.dual_attention.channel_gate.grad != 0
