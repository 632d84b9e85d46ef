"""Complexity counts: hand-computed cases, the official figures of 2024, doubts, and what is left behind."""

from __future__ import annotations

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eval.integrity.complexity import doubts, scored_figure
from eval.protocol import complexity_report
from eval.protocol.complexity_report import CountedComplexity, Counter
from eval.worker.counters import counting, fvcore_counter
from eval.worker.counters.counter import CounterEntry
from eval.worker.counters.recorder import observe
from eval.worker.counters.replay import Replay, TracedConvolutions

CPU = torch.device("cpu")
PIXELS = 256 * 256
REFERENCE = Path(__file__).resolve().parents[3].parent / "shared" / "reference" / "ntire2024_esr.json"

RELEASED = [
    ("00_RLFN_baseline", "team00_RLFN", "RLFN", {}),
    ("21_SlimRLFN", "team21_SlimRLFN", "SlimRLFN", {}),
    ("21_SlimRLFN_prune", "team21_SlimRLFN", "SlimRLFN", {"inner": [28, 28, 28, 28, 28, 30]}),
    ("25_EERN", "team25_EERN", "EERN", {}),
    ("28_MSN", "team28_MSN", "MSN", {}),
]


def count(model: nn.Module, crop: Tensor | None = None) -> CountedComplexity:
    return counting.count(model, 1.0, CPU, crop)


def macs_of(found: CountedComplexity, counter: str) -> int | None:
    return found.counters[counter].macs


def names(found: CountedComplexity) -> list[str]:
    return [doubt.name for doubt in doubts(found)]


def upsampler() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 48, 3, padding=1), nn.PixelShuffle(4))


@pytest.mark.parametrize(("key", "module", "name", "args"), RELEASED, ids=[case[0] for case in RELEASED])
def test_counts_equal_the_official_ones(key: str, module: str, name: str, args: dict[str, Any]) -> None:
    if not REFERENCE.exists():
        pytest.skip(f"{REFERENCE.name} is not beside the repository")
    official = json.loads(REFERENCE.read_text())[key]
    model = getattr(importlib.import_module(f"models.{module}"), name)(**args).eval()

    found = counting.count(model, official["data_range"], CPU, None)

    assert found.parameters == official["num_parameters"]
    assert macs_of(found, "fvcore") == official["flops_fvcore"]
    assert found.activations == official["activations"]
    assert found.num_conv == official["num_conv"]
    assert found.unread_parameters == 0
    assert found.uncalled == ()


def test_convolution() -> None:
    found = count(nn.Conv2d(3, 48, 3, padding=1))

    macs = 3 * 48 * 9 * PIXELS
    assert (macs_of(found, "fvcore"), macs_of(found, "thop"), macs_of(found, "torch")) == (macs, macs, macs)
    assert (found.activations, found.num_conv) == (48 * PIXELS, 1)
    assert (found.parameters, found.buffers) == (3 * 48 * 9 + 48, 0)
    assert doubts(found) == []


def test_depthwise_convolution_counts_one_input_channel_per_output() -> None:
    found = count(nn.Conv2d(3, 6, 5, padding=2, groups=3))

    assert {macs_of(found, "fvcore"), macs_of(found, "thop"), macs_of(found, "torch")} == {6 * 25 * PIXELS}


def test_strided_convolution() -> None:
    found = count(nn.Conv2d(3, 8, 2, stride=2))

    assert {macs_of(found, "fvcore"), macs_of(found, "torch")} == {3 * 8 * 4 * 128 * 128}
    assert found.activations == 8 * 128 * 128


def test_transposed_convolution_counts_for_the_official_activations() -> None:
    found = count(nn.ConvTranspose2d(3, 5, 4, stride=4))

    assert macs_of(found, "torch") == 3 * 5 * 16 * PIXELS
    assert (found.activations, found.num_conv) == (5 * 16 * PIXELS, 1)


class Pointwise(nn.Module):
    """A linear layer over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def test_linear_layer() -> None:
    found = count(Pointwise())

    assert {macs_of(found, "fvcore"), macs_of(found, "thop"), macs_of(found, "torch")} == {3 * 7 * PIXELS}
    assert (found.activations, found.num_conv) == (0, 0)


class Attention(nn.Module):
    """Attention among the 64 pixels of each 8x8 window, 16 channels in two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(3, 48, 1)

    def forward(self, x: Tensor) -> Tensor:
        windows = self.qkv(x).unfold(2, 8, 8).unfold(3, 8, 8)  # 1, 48, 32, 32, 8, 8
        tokens = windows.permute(0, 2, 3, 4, 5, 1).reshape(1024, 64, 3, 2, 8).permute(2, 0, 3, 1, 4)
        query, key, value = tokens
        return F.scaled_dot_product_attention(query, key, value)


def test_fused_attention_is_counted_beside_the_official_figure() -> None:
    found = count(Attention())

    convolution, products = (
        3 * 48 * PIXELS,
        2 * (1024 * 2 * 64 * 64 * 8),
    )  # query by key, then weights by value
    assert macs_of(found, "torch") == convolution + products
    assert macs_of(found, "fvcore") == convolution
    assert found.fvcore.unknown["aten::scaled_dot_product_attention"] == 1
    assert found.fvcore.added == {"aten::scaled_dot_product_attention": products}
    assert scored_figure(found).macs == convolution + products
    (flag,) = doubts(found)
    assert flag.name == "work added"
    assert flag.reason == (
        "fvcore alone has 0.009437 G; by formulas: aten::scaled_dot_product_attention 0.1342 G"
    )


class Tokens(nn.Module):
    """`layer` on the 4096 pixels of an image at a quarter of each side, 16 channels each."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.head, self.layer = nn.Conv2d(3, 16, 4, stride=4), layer

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.head(x).unfold(2, 8, 8).unfold(3, 8, 8)  # 1, 16, 8, 8, 8, 8
        tokens = tokens.permute(0, 2, 3, 4, 5, 1).reshape(-1, 64, 16)
        if isinstance(self.layer, nn.MultiheadAttention):
            return self.layer(tokens, tokens, tokens, need_weights=False)[0]
        return self.layer(tokens)


HEAD = 3 * 16 * PIXELS
ATTENTION = 4096 * (4 * 16 * 16 + 2 * 64 * 16)  # projections, two products among 64 tokens
FEED_FORWARD = 4096 * 2 * 16 * 32


@pytest.mark.parametrize(
    ("layer", "work"),
    [
        (nn.MultiheadAttention(16, 2, batch_first=True), ATTENTION),
        (nn.MultiheadAttention(16, 2, batch_first=True, bias=False), ATTENTION),
        (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), ATTENTION + FEED_FORWARD),
        (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True), ATTENTION + FEED_FORWARD),
    ],
    ids=["attention", "without bias", "layer", "layer, norm first"],
)
@pytest.mark.parametrize("fast", [True, False])
def test_attention_modules_are_counted_in_their_fused_form_too(
    layer: nn.Module, work: int, fast: bool
) -> None:
    torch.backends.mha.set_fastpath_enabled(fast)
    try:
        found = count(Tokens(layer))
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    figure = scored_figure(found).macs
    assert macs_of(found, "torch") == HEAD + work
    assert figure is not None and HEAD + work <= figure <= 1.05 * (HEAD + work)  # fvcore counts norms too
    assert not {"complexity not established", "operators uncounted"} & set(names(found))


def test_a_mask_changes_no_count() -> None:
    class Masked(Attention):
        def forward(self, x: Tensor) -> Tensor:
            tokens = self.qkv(x)[:, :, :16, :16].reshape(1, 3, 16, 256).transpose(2, 3)
            mask = torch.zeros(256, 256)
            query, key, value = tokens[:, 0:1], tokens[:, 1:2], tokens[:, 2:3]
            return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)

    found = count(Masked())
    assert scored_figure(found).macs == macs_of(found, "torch") == 3 * 48 * PIXELS + 2 * 256 * 256 * 16


def test_deformable_convolution_is_counted_as_a_convolution() -> None:
    ops = pytest.importorskip("torchvision.ops")

    class Deformed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.offset, self.body = nn.Conv2d(3, 18, 1), ops.DeformConv2d(3, 8, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x, self.offset(x))

    found = count(Deformed())
    expected = (3 * 18 + 3 * 8 * 9) * PIXELS
    assert scored_figure(found).macs == macs_of(found, "torch") == expected
    assert names(found) == ["work added"]


class ByProducts(nn.Module):
    """A 3x3 convolution from 8 to 8 channels, written as products and sums in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.head, self.weight = nn.Conv2d(3, 8, 3, padding=1), nn.Parameter(torch.rand(8, 72))

    def forward(self, x: Tensor) -> Tensor:
        around = F.unfold(self.head(x), 3, padding=1)[0]  # 72, pixels
        if self.way == "sum":
            rows = [(row[:, None] * around).sum(0) for row in self.weight]
        elif self.way == "mean":
            rows = [(row[:, None] * around).mean(0) * 72 for row in self.weight]
        elif self.way == "stack":
            rows = [
                torch.stack([w * a for w, a in zip(row, around, strict=True)]).sum(0) for row in self.weight
            ]
        elif self.way == "add":
            rows = [
                sum((w[None] * a for w, a in zip(row, around, strict=True)), around[0]) for row in self.weight
            ]
        else:
            rows = []
            for row in self.weight:
                total = torch.zeros_like(around[0])
                for w, a in zip(row, around, strict=True):
                    total = torch.addcmul(total, w.expand_as(a), a)
                rows.append(total)
        return torch.stack(rows).view(1, 8, *x.shape[2:])


@pytest.mark.parametrize("way", ["sum", "mean", "addcmul"])
def test_a_convolution_written_as_products_is_counted(way: str) -> None:
    found = count(ByProducts(way))

    head, body = 27 * 8 * PIXELS, 72 * 8 * PIXELS
    assert (macs_of(found, "fvcore"), macs_of(found, "torch")) == (head, head)
    assert scored_figure(found).macs == head + body
    assert names(found) == ["work added"]


class Gated(nn.Module):
    """Gates, scales and residuals as honest networks have them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 16, 3, padding=1)
        self.body = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1) for _ in range(3))
        self.tail = nn.Conv2d(16, 48, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(x)
        for conv in self.body:
            features = conv(y)
            gate = features.mean((2, 3), keepdim=True).sigmoid()
            y = y + features * gate * features.sigmoid()
        return F.pixel_shuffle(self.tail(y), 4) + 0.5 * F.interpolate(x, scale_factor=4)


def test_gates_and_residuals_are_no_work() -> None:
    found = count(Gated())
    assert found.noise is not None and found.noise.products > 0
    assert scored_figure(found).macs == macs_of(found, "fvcore")
    assert doubts(found) == []


class SixAxes(nn.Module):
    """A norm over six axes, on which fvcore's assertion ends its count."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.norm = nn.Conv2d(3, 16, 3, padding=1), nn.LayerNorm(16)
        self.tail = nn.Conv2d(16, 48, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        f = self.head(x)
        b, c, h, w = f.shape
        k = self.norm(f.view(b, c, h // 8, 8, w // 8, 8).permute(0, 2, 4, 3, 5, 1))
        return F.pixel_shuffle(self.tail(k.permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)), 4)


def test_an_assertion_of_fvcore_does_not_lose_the_count() -> None:
    found = count(SixAxes())

    assert macs_of(found, "fvcore") is None
    figure = scored_figure(found)
    assert (figure.macs, figure.counter) == (PIXELS * (27 * 16 + 16 * 48 * 9), "torch")
    (flag,) = doubts(found)
    assert flag.name == "another counter" and "AssertionError" in flag.reason


def test_a_matrix_product_by_embedding_bag_is_counted() -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.weight = nn.Conv2d(3, 3, 1), nn.Parameter(torch.rand(3, 16))

        def forward(self, x: Tensor) -> Tensor:
            pixels = self.head(x).reshape(3, -1).t().contiguous()
            index = torch.arange(3).expand(len(pixels), 3).contiguous()
            return F.embedding_bag(index, self.weight, mode="sum", per_sample_weights=pixels)

    found = count(Bag())
    assert scored_figure(found).macs == macs_of(found, "torch") == (9 + 48) * PIXELS


def test_weights_that_are_multiplied_by_a_parameter_are_found() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kept: Tensor
            self.register_buffer("kept", torch.rand(48, 3, 3, 3))
            self.gain = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            weight = torch.zeros(48, 3, 3, 3)
            weight += self.kept * self.gain
            return F.pixel_shuffle(F.conv2d(x, weight.clone(), padding=1), 4)

    found = count(Scaled())
    assert found.weights_elsewhere == 48 * 27
    assert "parameters elsewhere" in names(found)


def test_a_counter_is_added_by_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """One function and one row of the table: the report, its text and the record show the new opinion."""
    toy = CounterEntry(lambda _model, _image, recorder: Counter(len(recorder.calls), unknown={"x": 1}))
    monkeypatch.setitem(counting.COUNTERS, "toy", toy)
    found = complexity_report.parse(complexity_report.dump(count(upsampler())))
    assert found.counters["toy"] == Counter(3, unknown={"x": 1})
    assert complexity_report.as_record(found)["toy"]["macs"] == 3
    assert found.seconds["toy"] >= 0


class Opaque(torch.autograd.Function):
    """A convolution that a tracer cannot look into."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, padding=1)

    @staticmethod
    def backward(_ctx: Any, *_gradients: Any) -> Any:
        raise NotImplementedError


class Hidden(nn.Module):
    """A network whose work is in an autograd function."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(48, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(Opaque.apply(x, self.weight), 4)


def test_autograd_function_is_flagged() -> None:
    found = count(Hidden())

    assert macs_of(found, "torch") == 3 * 48 * 9 * PIXELS
    assert found.fvcore.unknown["prim::PythonOp.Opaque"] == 1
    reasons = {doubt.name: doubt.reason for doubt in doubts(found)}
    assert "fvcore counts as zero: prim::PythonOp.Opaque (1)" in reasons["complexity not established"]
    assert reasons["convolutions uncounted"].startswith("1 of 1 convolutions do not run as called modules")


def test_custom_operator_is_flagged_by_every_counter() -> None:
    library = torch.library.Library("sr_test_counts", "DEF")
    library.define("enlarge(Tensor x, Tensor w) -> Tensor")
    library.impl("enlarge", lambda x, w: F.pixel_shuffle(F.conv2d(x, w, padding=1), 4), "CPU")

    class Custom(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.rand(48, 3, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            return torch.ops.sr_test_counts.enlarge(x, self.weight)

    found = count(Custom())

    assert (macs_of(found, "fvcore"), macs_of(found, "torch")) == (0, 0)
    (doubt,) = doubts(found)
    assert "fvcore saw no operation that it counts" in doubt.reason
    assert "torch's counter counts as zero: sr_test_counts::enlarge (1)" in doubt.reason
    assert found.unread_parameters == 0


def test_padding_by_name_is_zero_to_fvcore_and_flagged() -> None:
    found = count(nn.Conv2d(3, 8, 3, padding="same"))

    assert (macs_of(found, "fvcore"), macs_of(found, "torch")) == (0, 3 * 8 * 9 * PIXELS)
    assert "aten::_convolution_mode (1)" in doubts(found)[0].reason


class OnlyOnNoise(nn.Module):
    """Skips its second convolution where the input is noise."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = upsampler(), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        rough = (x[..., 1:] - x[..., :-1]).abs().mean().item() > 0.1
        return y if rough else self.second(y)


def test_work_that_depends_on_the_input_is_flagged() -> None:
    found = count(OnlyOnNoise(), crop=torch.full((3, 60, 90), 0.5))

    assert found.crop is not None and found.crop_noise is not None
    assert found.crop.macs == found.crop_noise.macs + 81 * 16 * 64 * 320
    assert doubts(found)[0].reason == (
        "the work depends on the input: 0.02654 G in 1 convolutions on noise, "
        "0.05308 G in 2 convolutions on a real crop; "
        "the work depends on the size: 1.296 k per pixel at 256x256, 2.592 k at 64x320"
    )
    assert found.uncalled == ("second",)


class Branching(nn.Module):
    """Adds a convolution where a tracer watches."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = upsampler(), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.second(y) if torch.jit.is_tracing() else y


def test_a_network_that_knows_it_is_traced_gets_a_real_trace() -> None:
    found = count(Branching())

    assert macs_of(found, "torch") == 3 * 48 * 9 * PIXELS
    assert macs_of(found, "fvcore") == 3 * 48 * 9 * PIXELS + 81 * 16 * PIXELS
    assert "complexity not established" in names(found)


class Ensembled(nn.Module):
    """Uses sizes, slices, in-place operators, several outputs, batch norm and interpolation."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, stride=2, padding=1, padding_mode="reflect")
        self.norm = nn.BatchNorm2d(8)
        self.tail = nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2], x.shape[3]
        features = self.norm(self.head(x))
        one, two = features.chunk(2, dim=1)
        one += two.sigmoid()
        both = torch.cat([one, two * one.mean(dim=(2, 3), keepdim=True)], dim=1)
        both = both[:, :, : height // 2, : width // 2]
        y = self.tail(both) + x * torch.arange(width)
        return F.interpolate(y, size=(height * 4, width * 4), mode="bilinear").clamp_(0, 1)


@pytest.mark.parametrize(
    "model", [Ensembled(), Attention(), upsampler(), Pointwise()], ids=lambda m: type(m).__name__
)
def test_replayed_trace_equals_a_real_one(model: nn.Module) -> None:
    model.eval()
    image = torch.rand(1, 3, 256, 256)
    with torch.no_grad():
        record, failure = observe(model, image)
        assert record is not None, failure
        replay = Replay(record)
        with TracedConvolutions(replay):
            replayed = fvcore_counter.read_trace(model, image, replay)
        replay.finish()
        real = fvcore_counter.read_trace(model, image, torch.no_grad())
    assert replayed == real


@pytest.mark.parametrize("model", [Ensembled(), upsampler(), Pointwise()], ids=lambda m: type(m).__name__)
def test_thop_by_recorded_calls_equals_its_own_profile(model: nn.Module) -> None:
    thop = pytest.importorskip("thop")
    found = count(model)
    macs, _ = thop.profile(copy.deepcopy(model), (torch.rand(1, 3, 256, 256),), verbose=False)
    assert macs_of(found, "thop") == int(macs)


def test_counting_leaves_no_trace() -> None:
    model = nn.Sequential(Ensembled(), nn.Dropout(0.5)).train()
    next(model[0].children()).eval()
    before = copy.deepcopy(model.state_dict())
    attributes = {name: set(vars(module)) for name, module in model.named_modules()}
    flags = [module.training for module in model.modules()]
    crop = torch.rand(3, 300, 300)
    seed = torch.random.get_rng_state()

    count(model, crop)

    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert set(model.state_dict()) == set(before)
    assert {name: set(vars(module)) for name, module in model.named_modules()} == attributes
    assert [module.training for module in model.modules()] == flags
    assert torch.equal(torch.random.get_rng_state(), seed)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())
    assert not nn.modules.module._global_forward_hooks


class Raising(nn.Module):
    """Fails in its forward pass."""

    def __init__(self, only_traced: bool) -> None:
        super().__init__()
        self.body, self.only_traced = upsampler(), only_traced

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_tracing() or not self.only_traced:
            raise ValueError("not here")
        return self.body(x)


def test_a_failing_counter_has_a_reason_and_leaves_no_hook() -> None:
    model = Raising(only_traced=True)
    found = count(model)

    assert macs_of(found, "torch") == 3 * 48 * 9 * PIXELS
    assert macs_of(found, "fvcore") is None
    assert found.fvcore.reason == "ValueError: not here"
    assert doubts(found)[0].reason == (
        "fvcore failed (ValueError: not here); the FLOPs are those of torch's counter"
    )
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())


def test_a_failing_network_still_has_parameters() -> None:
    found = count(Raising(only_traced=False), crop=torch.rand(3, 9, 9))

    assert found.parameters == 3 * 48 * 9 + 48
    assert (found.activations, found.num_conv, macs_of(found, "fvcore"), macs_of(found, "torch")) == (
        None,
    ) * 4
    assert doubts(found)[0].reason.startswith(
        "the network failed on noise of 3x256x256: ValueError: not here"
    )


class Stashed(nn.Module):
    """Keeps its weights in plain attributes and buffers; has a parameter that it never reads."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = [torch.rand(48, 3, 3, 3)]
        self.more: Tensor
        self.register_buffer("more", torch.rand(48, 48, 1, 1))
        self.decoy = nn.Parameter(torch.rand(100))
        self.unused = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.conv2d(x, self.weights[0].transpose(2, 3), padding=1)
        return F.pixel_shuffle(F.conv2d(wide, self.more), 4)


def test_weights_outside_parameters_are_found() -> None:
    found = count(Stashed())

    assert found.weights_elsewhere == 48 * 27 + 48 * 48
    assert (found.parameters, found.unread_parameters, found.buffers) == (102, 102, 48 * 48)
    assert found.uncalled == ("(the network)", "unused") or found.uncalled == ("unused",)
    assert set(names(found)) == {"parameters elsewhere", "parameters unused", "convolutions uncounted"}


def test_inference_mode_inside_the_network_changes_nothing() -> None:
    class Inferring(Pointwise):
        def forward(self, x: Tensor) -> Tensor:
            with torch.inference_mode():
                return super().forward(x)

    found = count(Inferring())

    assert {macs_of(found, "fvcore"), macs_of(found, "torch")} == {3 * 7 * PIXELS}


def test_crop_is_mirrored_or_cut_to_its_size() -> None:
    image = torch.arange(3 * 100 * 130, dtype=torch.float32).reshape(3, 100, 130)

    fitted = counting.fit(image)

    assert fitted.shape == (1, 3, 64, 320)
    assert torch.equal(fitted[0, :, :, :130], image[:, :64])
    assert torch.equal(fitted[0, :, :, 130:260], image[:, :64].flip(2))
    assert torch.equal(fitted[0, :, :, 260:], image[:, :64, :60])


class OnlyAtTheCountedSize(nn.Module):
    """Skips its second convolution at 256x256."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = upsampler(), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return y if x.shape[2:] == (256, 256) else self.second(y)


def test_work_that_is_saved_at_the_counted_size_is_flagged() -> None:
    found = count(OnlyAtTheCountedSize(), crop=torch.rand(3, 60, 90))

    reason = doubts(found)[0].reason
    assert reason == "the work depends on the size: 1.296 k per pixel at 256x256, 2.592 k at 64x320"


def test_crop_of_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"crop of shape \(1, 9, 9\): expected 3xHxW or 1x3xHxW"):
        counting.fit(torch.rand(1, 9, 9))


class Branched(nn.Module):
    """Blocks with a branch that only training uses, and a second tail that nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleList(nn.ModuleDict({"conv": _conv(), "branch": _conv()}) for _ in range(2))
        self.body.insert(0, nn.ModuleDict({"conv": nn.Conv2d(3, 8, 1), "branch": nn.Conv2d(3, 8, 1)}))
        self.scale = nn.Parameter(torch.ones(5))
        self.tail, self.old_tail = (
            nn.Conv2d(8, 48, 1),
            nn.Sequential(nn.Conv2d(8, 48, 1), nn.Conv2d(48, 48, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.body:
            x = block["conv"](x) + (block["branch"](x) if self.training else 0)
        return F.pixel_shuffle(self.tail(x), 4)


def _conv() -> nn.Conv2d:
    return nn.Conv2d(8, 8, 3, padding=1)


def test_dead_weight_is_named_by_the_modules_that_hold_it() -> None:
    """Training branches left in: they count, and the figure of what is deployed stands beside them."""
    model = Branched()
    found = complexity_report.parse(complexity_report.dump(count(model)))
    branch, old_tail = 3 * 8 + 8 + 2 * (8 * 8 * 9 + 8), 8 * 48 + 48 + 48 * 48 + 48
    assert found.unread == {"body.*.branch": branch, "old_tail": old_tail, "scale": 5}
    assert found.unread_parameters == branch + old_tail + 5
    assert found.parameters == sum(p.numel() for p in model.parameters())
    del model.old_tail, model.scale
    for block in model.body:
        del block["branch"]
    assert found.parameters - found.unread_parameters == sum(p.numel() for p in model.parameters())
    (flag,) = [doubt for doubt in doubts(found) if doubt.name == "parameters unused"]
    assert (
        f"never read in a forward pass: old_tail ({old_tail}), body.*.branch ({branch}), scale (5)"
        in flag.reason
    )


def test_a_network_of_which_nothing_is_read_names_its_parts() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])

        def forward(self, x: Tensor) -> Tensor:
            return F.interpolate(x, scale_factor=4)

    assert count(Idle()).unread == {"a": 6, "b": 12}


class Unfolded(nn.Module):
    """A 3x3 convolution from 3 to 8 channels, written as unfold and a matrix product."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.weight = way, nn.Parameter(torch.rand(8, 27))

    def forward(self, x: Tensor) -> Tensor:
        around = F.unfold(x, 3, padding=1)
        if self.way == "einsum":
            return torch.einsum("oc,bcp->bop", self.weight, around).view(1, 8, *x.shape[2:])
        return (self.weight @ around).view(1, 8, *x.shape[2:])


@pytest.mark.parametrize("way", ["matmul", "einsum"])
def test_a_convolution_by_unfold_and_a_product_is_counted(way: str) -> None:
    found = count(Unfolded(way))
    assert macs_of(found, "torch") == 27 * 8 * PIXELS
    assert scored_figure(found).macs == pytest.approx(
        27 * 8 * PIXELS, rel=1e-4
    )  # fvcore rounds einsum's figure
    assert "complexity not established" not in names(found)


class Scanned(nn.Module):
    """A recurrence along each row: a gated scan, or one of torch's own recurrent layers."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.head = way, nn.Conv2d(3, 8, 8, stride=8)
        if way != "scan":
            self.layer = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[way](8, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.head(x)[0].permute(1, 2, 0)
        if self.way != "scan":
            return self.layer(rows)[0]
        state, states = torch.zeros_like(rows[:, :1, :, None].expand(-1, -1, -1, 64)), []
        for column in rows.split(1, dim=1):
            state = state * column.sigmoid()[..., None] + column[..., None]
            states.append(state)
        return torch.cat(states, 1)


@pytest.mark.parametrize("way", ["lstm", "gru", "rnn"])
def test_recurrent_layers_are_counted_or_named(way: str) -> None:
    rows, columns = 32, 32
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[way]
    work = 3 * 8 * 64 * rows * columns + rows * columns * gates * 2 * 8 * 8
    found = count(Scanned(way))
    counted = scored_figure(found).macs or 0
    named = [doubt.name for doubt in doubts(found) if way in doubt.reason]
    assert abs(counted - work) <= 0.02 * work or named


def test_a_scan_is_counted_by_its_products() -> None:
    """A multiplication and an addition for each state: 64 states of 8 channels at each of 32x32 places."""
    found = count(Scanned("scan"))
    head, scan = 3 * 8 * 64 * 32 * 32, 32 * 32 * 8 * 64
    assert head + scan <= (scored_figure(found).macs or 0) <= head + 1.1 * scan


def test_a_fourier_transform_is_named() -> None:
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.tail = nn.Parameter(torch.rand(3, 256, 129)), nn.Conv2d(3, 48, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = torch.fft.irfft2(torch.fft.rfft2(x) * self.weight, s=x.shape[2:])
            return F.pixel_shuffle(self.tail(y), 4)

    found = count(Spectral())
    reasons = {doubt.name: doubt.reason for doubt in doubts(found)}
    assert "fft" in reasons["complexity not established"]
