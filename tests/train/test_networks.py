"""Networks by recipe: joining modules, other architectures' weights, ranges, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from data.errors import InputError
from models.team19_EHAT import EHAT
from models.team25_EERN import EERN
from train.networks import (
    Blueprint,
    blueprint,
    import_name,
    load_joining,
    read_state,
    submission_network,
    to_data_range,
    to_training_range,
    without_modules,
)
from train.schema.fields import Network

SMALL = {"channels": 8, "blocks": 1, "esa_channels": 2}
SMALL_HAT = {
    "embed_dim": 36,
    "depths": [1, 1],
    "num_heads": [2, 2],
    "window_size": 4,
    "mlp_ratio": 2,
    "upscale": 4,
}


def _small_eern(**more: object) -> EERN:
    torch.manual_seed(0)
    return EERN(**SMALL, **more)  # type: ignore[arg-type]


def test_submission_gives_class_range_and_arguments() -> None:
    plan = blueprint(Network(submission="21p", args={"channels": 30}))
    assert plan.class_path == "models.team21_SlimRLFN:SlimRLFN" and plan.data_range == 255.0
    assert plan.args == {"inner": [28, 28, 28, 28, 28, 30], "channels": 30}
    assert sum(parameter.numel() for parameter in plan.build().parameters()) == 197_134


def test_finetune_convolution_joins_as_zeros_or_as_the_identity() -> None:
    before = _small_eern(finetune=nn.Identity)
    x = torch.rand(1, 3, 16, 16) * 255
    after = _small_eern()
    load_joining(after, before.state_dict(), {"finetune": "identity"}, "stage finetune")
    with torch.no_grad():
        torch.testing.assert_close(after(x), before(x), rtol=1e-5, atol=1e-3)
    load_joining(after, before.state_dict(), {"finetune": "zeros"}, "stage finetune")
    assert not after.finetune.weight.any() and not after.finetune.bias.any()


def test_a_joined_convolution_of_zeros_learns() -> None:
    model = _small_eern()
    load_joining(model, _small_eern(finetune=nn.Identity).state_dict(), {"finetune": "zeros"}, "stage")
    model(torch.rand(1, 3, 16, 16)).square().mean().backward()
    assert model.finetune.weight.grad.abs().sum() > 0


def test_missing_and_surplus_names_are_refused() -> None:
    state = _small_eern(finetune=nn.Identity).state_dict()
    with pytest.raises(InputError, match=r"stage x: does not fit EERN: missing \['finetune.weight'"):
        load_joining(_small_eern(), state, {}, "stage x")
    with pytest.raises(InputError, match=r"unexpected \['finetune.bias', 'finetune.weight'\]"):
        load_joining(_small_eern(finetune=nn.Identity), _small_eern().state_dict(), {}, "stage x")
    assert "finetune.weight" not in without_modules(_small_eern().state_dict(), ("finetune",))
    wide = EERN(channels=12, blocks=1, esa_channels=2).state_dict()
    with pytest.raises(InputError, match=r"head.weight \(12, 3, 3, 3\) instead of \(8, 3, 3, 3\)"):
        load_joining(_small_eern(), wide, {}, "stage x")


def test_ehat_starts_as_the_hat_it_is_warmed_up_from() -> None:
    torch.manual_seed(0)
    hat = import_name("spandrel.architectures.HAT:HAT")(**SMALL_HAT).eval()
    ehat = EHAT(**SMALL_HAT).eval()
    load_joining(ehat, hat.state_dict(), {"branches": "keep"}, "stage l1")
    x = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(ehat(x), hat(x), rtol=1e-4, atol=1e-5)


def test_training_on_0_to_1_changes_no_output() -> None:
    plan = Blueprint("models.team25_EERN:EERN", SMALL, {}, 255.0, ("head", "tail"))
    wide, unit = plan.build(), plan.build()
    nn.init.dirac_(wide.get_parameter("finetune.weight"))
    unit.load_state_dict(to_training_range(plan, wide.state_dict()))
    x = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(unit(x) * 255, wide(x * 255), rtol=1e-4, atol=1e-3)
    assert plan.training_range == 1.0
    back = to_data_range(plan, unit.state_dict())
    for name, value in wide.state_dict().items():
        torch.testing.assert_close(back[name], value)


def test_classes_and_arguments_that_are_wrong_are_named() -> None:
    with pytest.raises(InputError, match=r"models\.team25_EERN:Eern: cannot be imported"):
        import_name("models.team25_EERN:Eern")
    with pytest.raises(InputError, match=r"does not take arguments .*'colour'"):
        Blueprint("models.team25_EERN:EERN", {"colour": 1}, {}, 255.0).build()
    for channels in (-1, "four"):  # refused by torch, in its own ways
        with pytest.raises(InputError, match=rf"team25_EERN:EERN: does not take arguments .*{channels}"):
            Blueprint("models.team25_EERN:EERN", {"channels": channels}, {}, 255.0).build()
    with pytest.raises(InputError, match=r"^json:loads: makes a dict, expected a torch module"):
        Blueprint("json:loads", {"s": "{}"}, {}, 255.0).build()
    with pytest.raises(InputError, match=r"^models\.nothing:Net: cannot be imported"):
        Blueprint("models.nothing:Net", {}, {}, 255.0).build()


def test_checkpoints_that_are_none_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    with pytest.raises(InputError, match=r"x\.pth: cannot be read: No such file"):
        read_state(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"x\.pth: not a checkpoint of tensors"):
        read_state(path)
    torch.save({"params": {"a": torch.ones(1)}}, path)
    assert read_state(path, "params")["a"].item() == 1
    with pytest.raises(InputError, match="no key 'params_ema' in it"):
        read_state(path, "params_ema")
    with pytest.raises(InputError, match="expected a state_dict"):
        read_state(path)


def test_a_submission_teaches_with_the_checkpoint_given(tmp_path: Path) -> None:
    path = tmp_path / "slim.pth"
    torch.save(blueprint(Network(submission="21")).build().state_dict(), path)
    model, data_range = submission_network("21", str(path))
    assert data_range == 255.0 and sum(p.numel() for p in model.parameters()) == 207_774
