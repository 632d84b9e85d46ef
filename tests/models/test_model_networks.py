"""The networks without any checkpoint: sizes, counts (of the factsheets), constructor arguments."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from eval.submissions.manifest import Manifest
from eval.tomlfile import load_toml
from models.blocks import ESA, SkipConvESA, SSConv, conv3x3, upsampler
from models.team00_RLFN import RLFN
from models.team21_SlimRLFN import SlimRLFN
from models.team25_EERN import EERN
from models.team28_MSN import MSN, local_variance

ROOT = Path(__file__).resolve().parents[2]
PRUNED = (28, 28, 28, 28, 28, 30)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def forward(network: nn.Module, height: int, width: int) -> torch.Tensor:
    with torch.no_grad():
        return network.eval()(torch.rand(1, 3, height, width))


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (RLFN(), 317_218),
        (SlimRLFN(), 207_774),
        (SlimRLFN(inner=PRUNED), 197_134),
        (EERN(), 657_432),
        (MSN(), 87_612),
    ],
    ids=["00", "21", "21p", "25", "28"],
)
def test_parameter_counts_of_the_factsheets(network: nn.Module, parameters: int) -> None:
    assert count(network) == parameters


@pytest.mark.parametrize("network", [RLFN, SlimRLFN, EERN, MSN])
@pytest.mark.parametrize(("height", "width"), [(29, 29), (37, 50), (64, 31)])
def test_output_is_four_times_as_large_for_odd_sizes(
    network: type[nn.Module], height: int, width: int
) -> None:
    torch.manual_seed(0)
    out = forward(network(), height, width)
    assert out.shape == (1, 3, 4 * height, 4 * width)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("network", [RLFN, SlimRLFN, EERN])
def test_smallest_documented_size(network: type[nn.Module]) -> None:
    assert forward(network(), 15, 15).shape == (1, 3, 60, 60)


def test_batch_is_independent_images() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, 32, 40)
    for network in (RLFN(), SlimRLFN(), EERN(), MSN()):
        with torch.no_grad():
            both, second = network(x), network(x[1:])
        torch.testing.assert_close(both[1:], second, rtol=1e-4, atol=1e-5)


def test_slimrlfn_wide_teacher_and_inner_widths() -> None:
    teacher = SlimRLFN(channels=48, blocks=3)
    assert teacher.state_dict()["block_list.2.c2_r.weight"].shape == (48, 48, 3, 3)
    mixed = SlimRLFN(channels=12, blocks=2, inner=[8, 10], esa_channels=4)
    assert mixed.state_dict()["block_list.0.c1_r.weight"].shape == (8, 12, 3, 3)
    assert mixed.state_dict()["block_list.1.c3_r.weight"].shape == (12, 10, 3, 3)
    assert forward(mixed, 20, 17).shape == (1, 3, 80, 68)


def test_slimrlfn_refuses_a_wrong_number_of_inner_widths() -> None:
    with pytest.raises(ValueError, match=r"inner: expected one channel count per block \(6\), got 2"):
        SlimRLFN(inner=[28, 30])


def test_slimrlfn_builds_every_3x3_convolution_with_the_factory() -> None:
    built: list[nn.Module] = []

    def factory(in_channels: int, out_channels: int, *, stride: int = 1, padding: int = 1) -> nn.Module:
        built.append(conv3x3(in_channels, out_channels, stride=stride, padding=padding))
        return built[-1]

    network = SlimRLFN(conv=factory)
    in_network = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert {id(m) for m in in_network} == {id(m) for m in built}
    assert len(built) == 6 * 5 + 3


def test_eern_starts_with_a_silent_finetune_convolution() -> None:
    network = EERN(channels=16, blocks=2)
    assert all(not parameter.any() for parameter in network.finetune.parameters())
    x = torch.rand(1, 3, 20, 20)
    with torch.no_grad():
        head_and_tail = network.shuffle(network.tail(network.head(x)))
        torch.testing.assert_close(network(x), head_and_tail)


def test_eern_identity_kernel_continues_the_network_without_finetune() -> None:
    torch.manual_seed(0)
    before = EERN(channels=16, blocks=2, finetune=nn.Identity)
    after = EERN(channels=16, blocks=2)
    after.load_state_dict(before.state_dict(), strict=False)
    nn.init.dirac_(after.get_parameter("finetune.weight"))
    x = torch.rand(1, 3, 20, 24)
    with torch.no_grad():
        torch.testing.assert_close(after(x), before(x))


def test_esa_variants_differ_only_in_the_skip() -> None:
    plain, with_conv = ESA(12, 4), SkipConvESA(12, 4)
    extra = set(with_conv.state_dict()) - set(plain.state_dict())
    assert extra == {"conv_f.weight", "conv_f.bias"}
    with_conv.load_state_dict(plain.state_dict(), strict=False)
    nn.init.dirac_(with_conv.conv_f.weight)
    nn.init.zeros_(with_conv.get_parameter("conv_f.bias"))
    x = torch.rand(1, 12, 21, 18)
    with torch.no_grad():
        torch.testing.assert_close(with_conv(x), plain(x))


@pytest.mark.parametrize(("stride", "size"), [(1, (18, 23)), (2, (5, 6))])
def test_ssconv_stride_applies_to_both_strips(stride: int, size: tuple[int, int]) -> None:
    with torch.no_grad():
        assert SSConv(6, 4, stride=stride)(torch.rand(1, 6, 18, 23)).shape == (1, 4, *size)


def test_upsampler_names_its_convolution() -> None:
    module = upsampler(8, scale=2, conv_name="up")
    assert set(module.state_dict()) == {"up.weight", "up.bias"}
    assert module(torch.rand(1, 8, 5, 6)).shape == (1, 3, 10, 12)


def test_local_variance_equals_torch_var_of_each_window() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 14, 17, dtype=torch.float64)
    padded = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
    expected = padded.unfold(2, 7, 3).unfold(3, 7, 3).var(dim=(-2, -1))
    torch.testing.assert_close(local_variance(x), expected)


@pytest.mark.parametrize("network", [RLFN, SlimRLFN, EERN, MSN])
def test_scripts_import_only_torch_and_blocks(network: type[nn.Module]) -> None:
    allowed = ("torch", "models.blocks", "__future__", "collections", "typing")
    script = Path(inspect.getfile(network)).read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", script, re.MULTILINE)
    assert imported
    assert [name for name in imported if not name.startswith(allowed)] == []


@pytest.mark.parametrize("network", [RLFN, SlimRLFN, EERN, MSN])
def test_manifest_beside_the_script_builds_its_class(network: type[nn.Module]) -> None:
    path = Path(inspect.getfile(network)).with_suffix(".toml")
    manifest = load_toml(Manifest, path)
    assert manifest.class_ == network.__name__
    assert f"team{manifest.id:02}_" in path.name
    if manifest.claims.params_m is not None:
        assert count(network(**manifest.args)) / 1e6 == pytest.approx(manifest.claims.params_m, abs=5e-4)


def test_pruned_manifest_shares_the_script() -> None:
    manifest = load_toml(Manifest, ROOT / "models" / "team21_SlimRLFN_prune.toml")
    assert (manifest.model_id, manifest.script) == ("21p", "team21_SlimRLFN.py")
    assert count(SlimRLFN(**manifest.args)) == 197_134
