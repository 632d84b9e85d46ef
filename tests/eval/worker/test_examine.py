"""The state of a loaded network as `eval.validate` and `eval.new` ask for it."""

from __future__ import annotations

import importlib
import io
import json
from typing import Any

import pytest
import torch
from spandrel import ModelLoader
from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact
from torch import Tensor, nn

from eval.protocol.replies import Examined
from eval.worker import examine
from eval.worker.adapters.loaded_model import LoadedModel, Whole
from eval.worker.adapters.spandrel_checkpoint import Described


class Net(nn.Module):
    """A convolution, and whatever `run` does with its output."""

    def __init__(self, run: Any = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, self.conv(x)) if self.run else self.conv(x)


def _trains(net: Net, x: Tensor) -> Tensor:
    net.train()
    return x


def _with_gradient(net: Net, x: Tensor) -> Tensor:
    with torch.enable_grad():
        return x * net.conv.weight.detach().clone().requires_grad_().sum()


def _fails_in_training(net: Net, x: Tensor) -> Tensor:
    if net.training:
        raise RuntimeError("no labels")
    return x


def examined(net: nn.Module) -> Examined:
    net.eval()
    return examine.examined(LoadedModel(net, net, 1.0), torch.rand(1, 3, 8, 8))


def test_a_plain_network_has_nothing_to_say() -> None:
    assert examined(Net()) == Examined(0, 0, False, 0.0, "")


def test_what_the_harness_puts_around_a_network_does_not_count() -> None:
    net = Net().eval()
    whole = Whole(net, net)
    assert whole.training
    assert examine.examined(LoadedModel(whole, whole, 1.0), torch.rand(1, 3, 8, 8)).training_modules == 0


@pytest.mark.parametrize(
    ("run", "field", "value"),
    [(_trains, "training_modules", 3), (_with_gradient, "has_gradient", True),
     (_fails_in_training, "training_difference", None)],
)  # fmt: skip
def test_each_state_is_seen(run: Any, field: str, value: Any) -> None:
    assert getattr(examined(Net(run)), field) == value


def test_parameters_of_other_precision_are_counted() -> None:
    net = Net()
    net.norm.half()
    assert examined(net).other_precision == 6


def test_training_mode_leaves_no_trace() -> None:
    net = Net(lambda net, x: net.norm(x))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = examined(net)
    assert found.training_difference is not None and found.training_difference > 0.01
    assert not any(module.training for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_network_of_a_library_states_what_makes_it_again() -> None:
    network = SRVGGNetCompact(num_feat=8, num_conv=1, upscale=4)
    model = Described(ModelLoader("cpu").load_from_state_dict(network.state_dict()))  # type: ignore[arg-type]
    loaded = LoadedModel(model.eval(), model, 1.0)
    stated = json.loads(examine.examined(loaded, torch.rand(1, 3, 8, 8)).made_of)
    again = getattr(importlib.import_module(stated["module"]), stated["class"])(**stated["args"])
    saved = torch.load(io.BytesIO(examine.weights(loaded)), weights_only=True)
    again.load_state_dict(saved, strict=True)
    assert stated["args"]["num_feat"] == 8 and stated["multiple"] == 1
