"""Checkpoints: wrappers' prefixes, nested weights, and a named reason with a cure for each that is refused."""

from __future__ import annotations

import gzip
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from eval.worker.adapters import checkpoints
from eval.worker.adapters.loaded_model import LoadError


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 3, 1))


STATE = network().state_dict()


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in STATE.items()}


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "net_g.", "module._orig_mod.", "model.net_g."]
)
def test_prefixes_of_wrappers_are_taken_off_and_noted(prefix: str) -> None:
    model = network()
    note = checkpoints.load_strict(model, prefixed(prefix), "a.pth")
    assert note == f"checkpoint a.pth: the prefix '{prefix}' was taken off every name"
    assert all(torch.equal(value, STATE[name]) for name, value in model.state_dict().items())


def test_names_that_fit_are_left_alone() -> None:
    model = nn.ModuleDict({"model": network()})
    assert checkpoints.load_strict(model, prefixed("model."), "a.pth") == ""


@pytest.mark.parametrize(
    "state",
    [
        {**prefixed("module."), "extra": torch.ones(1)},
        {**prefixed("module."), "module.extra": torch.ones(1)},
        prefixed("wrapped."),
        {},
    ],
    ids=["not all names", "a name too many", "an unknown wrapper", "nothing"],
)
def test_what_does_not_fit_without_prefixes_either_is_refused(state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(LoadError, match=r"a\.pth does not fit the model; missing: 0\.weight"):
        checkpoints.load_strict(network(), state, "a.pth")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"params": STATE, "params_ema": STATE}, "params_ema"),
        ({"epoch": 3, "state_dict": STATE, "optimizer": {"state": {}}}, "state_dict"),
        ({"weights": STATE}, "weights"),
    ],
)
def test_nested_weights_are_refused_with_the_key_to_write(content: dict[str, object], key: str) -> None:
    with pytest.raises(LoadError, match=rf'write `key = "{key}"` in the manifest'):
        checkpoints.select(content, "", "a.pth")
    assert checkpoints.select(content, key, "a.pth") is content[key]


def test_a_missing_key_is_named_with_those_that_are_there() -> None:
    with pytest.raises(LoadError, match=r"no key 'params' in it \(it holds: epoch, weights\)"):
        checkpoints.select({"epoch": 1, "weights": STATE}, "params", "a.pth")


def _zip_of_checkpoint(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/model.pth", b"x")


def _scalar(path: Path) -> None:
    torch.save({"psnr": np.float64(27.5), "weight": torch.ones(1)}, path)


def _whole_model(path: Path) -> None:
    torch.save(network(), path)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "numpy scalar": (_scalar, "holds more than tensors, or is damaged: 'numpy"),
    "whole model": (
        _whole_model,
        "'torch.nn.modules.container.Sequential'; save it with `torch.save(model.state_dict(), FILE)`",
    ),
    "LFS pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "is a Git LFS pointer, not the file itself; run `git lfs pull`",
    ),
    "HTML page": (lambda path: path.write_text("\n<!DOCTYPE html><html>"), "is an HTML page"),
    "empty": (lambda path: path.write_bytes(b""), "is empty (0 bytes); copy or download it again"),
    "ZIP archive": (
        _zip_of_checkpoint,
        "is a ZIP archive (of folder/model.pth), not a checkpoint; unpack it",
    ),
    "gzip": (lambda path: path.write_bytes(gzip.compress(b"x")), "is a gzip archive"),
    "text": (lambda path: path.write_text("weights"), "cannot be read|holds more than tensors"),
    "cut": (lambda path: path.write_bytes(pickle.dumps({"a": 1})[:-3]), "a.pth"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("allow_pickle", [False, True])
def test_a_refused_file_is_named_for_what_it_is(name: str, allow_pickle: bool, tmp_path: Path) -> None:
    make, expected = REFUSED[name]
    path = tmp_path / "a.pth"
    make(path)
    if allow_pickle and name in ("numpy scalar", "whole model"):
        checkpoints.load(path, allow_pickle=True)
        return
    with pytest.raises(LoadError) as caught:
        checkpoints.load(path, allow_pickle=allow_pickle)
    text = str(caught.value)
    assert any(part in text for part in expected.split("|")), text
    assert text.startswith("checkpoint a.pth: ") and text.isprintable()
    assert "Weights only load failed" not in text and len(text) < 400
    assert not (allow_pickle and "--allow_pickle" in text)


def test_terminal_codes_of_a_file_do_not_reach_the_message(tmp_path: Path) -> None:
    class Strange:
        def __reduce__(self) -> tuple[object, ...]:
            return (eval, ("'\x1b[2J'",))

    torch.save({"a": Strange()}, tmp_path / "a.pth")
    with pytest.raises(LoadError) as caught:
        checkpoints.load(tmp_path / "a.pth")
    assert str(caught.value).isprintable() and "eval" in str(caught.value)


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
