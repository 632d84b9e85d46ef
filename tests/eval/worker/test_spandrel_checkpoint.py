"""Bare checkpoints of many architectures, made small and random through spandrel's own classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.DAT import DAT
from spandrel.architectures.DITN import DITN
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.HAT import HAT
from spandrel.architectures.OmniSR import OmniSR
from spandrel.architectures.PLKSR import PLKSR
from spandrel.architectures.RGT import RGT
from spandrel.architectures.SAFMN import SAFMN
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.Swin2SR import Swin2SR
from spandrel.architectures.SwinIR import SwinIR
from torch import nn

from eval import cli
from eval.protocol.job import SpandrelSource
from eval.submissions.bare_checkpoint import bare_checkpoint
from eval.worker.adapters import spandrel_checkpoint
from eval.worker.adapters.loaded_model import LoadedModel, LoadError, Setting
from leaderboard.summary import summarise

CPU = torch.device("cpu")

WINDOWED: dict[str, Any] = {"embed_dim": 24, "depths": [1], "num_heads": [2], "window_size": 8}
SMALL: dict[str, Callable[[], nn.Module]] = {
    "Compact": lambda: Compact(num_feat=8, num_conv=1, upscale=4),
    "DAT": lambda: DAT(upscale=4, embed_dim=16, depth=[1], num_heads=[2], split_size=[4, 8]),
    "DITN": lambda: DITN(upscale=4, dim=16, ITL_blocks=1, SAL_blocks=1, UFONE_blocks=1),
    "ESRGAN": lambda: ESRGAN(scale=4, num_filters=8, num_blocks=1),
    "HAT": lambda: HAT(upscale=4, squeeze_factor=6, **WINDOWED),
    "OmniSR": lambda: OmniSR(num_in_ch=3, num_out_ch=3, num_feat=16, block_num=1, res_num=1, up_scale=4),
    "PLKSR": lambda: PLKSR(dim=16, n_blocks=1, upscaling_factor=4),
    "RGT": lambda: RGT(upscale=4, embed_dim=24, depth=[2], num_heads=[2], split_size=[8, 8]),
    "SAFMN": lambda: SAFMN(dim=16, n_blocks=1, upscaling_factor=4),
    "SPAN": lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=4),
    "Swin2SR": lambda: Swin2SR(upscale=4, upsampler="pixelshuffle", **WINDOWED),
    "SwinIR": lambda: SwinIR(upscale=4, upsampler="pixelshuffle", **WINDOWED),
}
# Released checkpoints wrap their state_dict in these keys; spandrel's own names of architectures differ for one.
WRAPPERS = ("params_ema", "params", "state_dict", "")
SHOWN_AS = {"Compact": "RealESRGAN Compact", "DITN": "DITN"}


def save(network: nn.Module, path: Path, key: str = "") -> Path:
    state = network.state_dict()
    torch.save({key: state} if key else state, path)
    return path


def load(path: Path) -> LoadedModel:
    return spandrel_checkpoint.load(SpandrelSource(path=str(path)), Setting(CPU, 4))


@pytest.mark.parametrize("name", SMALL)
def test_architecture_is_recognised_and_super_resolves_any_size(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SMALL[name]().eval()
    key = WRAPPERS[list(SMALL).index(name) % len(WRAPPERS)]
    loaded = load(save(network, tmp_path / "some.pth", key))
    assert loaded.name.startswith(f"{SHOWN_AS.get(name, name)} x4")
    assert loaded.data_range == 1.0
    with torch.no_grad():
        odd = loaded.forward(torch.rand(1, 3, 19, 26))
        image = torch.rand(1, 3, 32, 32)
        out = loaded.forward(image)
        expected = network(image).clamp(0, 1)
    assert odd.shape == (1, 3, 76, 104) and type(odd) is torch.Tensor
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-5)


def test_needs_of_the_network_are_described(tmp_path: Path) -> None:
    described = load(save(SMALL["SAFMN"](), tmp_path / "some.pth")).name
    assert described == "SAFMN x4, 16dim, 1nb, multiples of 8"


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(SMALL["Compact"]().state_dict(), tmp_path / "some.safetensors")
    assert load(tmp_path / "some.safetensors").name.startswith("RealESRGAN Compact x4")


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (
            lambda: Compact(num_feat=8, num_conv=1, upscale=2),
            "a RealESRGAN Compact for x2, the challenge is x4",
        ),
        (
            lambda: nn.Linear(2, 2),
            r"of no architecture that spandrel knows \(its keys begin with weight, bias\)",
        ),
        (
            lambda: Compact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=1, upscale=4),
            "for 1 to 1 channels, the challenge's images have 3",
        ),
    ],
    ids=["scale", "unknown", "grey"],
)
def test_checkpoint_that_cannot_do_the_task_is_refused(
    build: Callable[[], nn.Module], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=f"checkpoint some.pth: .*{problem}"):
        load(save(build(), tmp_path / "some.pth"))


def test_pickled_code_is_refused(tmp_path: Path) -> None:
    torch.save(SMALL["Compact"](), tmp_path / "some.pth")
    with pytest.raises(LoadError, match="holds more than tensors"):
        load(tmp_path / "some.pth")


def test_file_that_is_no_checkpoint_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(
        ValueError, match=r"--weights .*notes\.txt: expected a checkpoint, a file with one of \.pth"
    ):
        bare_checkpoint(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match=r"--weights .*none\.pth: no such file"):
        bare_checkpoint(tmp_path / "none.pth")


def judge(names: list[str], pairs: tuple[Path, Path], folder: Path, *more: str) -> dict[str, Any]:
    torch.manual_seed(0)
    files = [save(SMALL[name](), folder / f"{name}.pth") for name in names]
    arguments = ["--weights", *files, "--pairs", *pairs, "--save_dir", folder / "out", "--device", "cpu"]
    status = cli.main(summarise, [*map(str, arguments), "--protocol", "ntire", *more])
    assert status == 0
    content: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text())
    return content


def test_one_is_judged_from_the_command_line_with_x8(tiny_pairs: tuple[Path, Path], tmp_path: Path) -> None:
    entry = judge(["Compact"], tiny_pairs, tmp_path, "--self_ensemble")["Compact_x8"]
    assert entry["status"] == "ok" and len(entry["valid_psnr"]) == 3
    assert entry["num_parameters"] > 0 and entry["checkpoint"]["source"] == "path"


@pytest.mark.slow
def test_all_are_judged_from_the_command_line(tiny_pairs: tuple[Path, Path], tmp_path: Path) -> None:
    content = judge(list(SMALL), tiny_pairs, tmp_path, "--challenge", "imagesr2024")
    assert {entry["status"] for entry in content.values()} == {"ok"} and len(content) == len(SMALL)
