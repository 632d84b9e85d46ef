"""What counts as a weight: whatever meets the image, unless an operator made it from the image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eval.worker.counters.recorder import Recorder

Forward = Callable[["Net", Tensor], Tensor]
N = 48 * 27  # weights of a 3x3 convolution from 3 to 48 channels


class Net(nn.Module):
    """A network with a parameter, buffers and other constants, and a forward pass of the test's choice."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self._run = forward
        self.gain = nn.Parameter(torch.ones(1))
        self.table = nn.Parameter(torch.rand(16))
        self.kept: Tensor
        self.whole: Tensor
        self.which: Tensor
        self.register_buffer("kept", torch.rand(48, 3, 3, 3))
        self.register_buffer("whole", torch.randint(-9, 9, (48, 3, 3, 3), dtype=torch.int8))
        self.register_buffer("which", torch.randint(0, 16, (48, 3, 3, 3)))
        self.plain = [torch.rand(48, 3, 3, 3)]
        self.flat = torch.rand(2 * N)
        self.small = nn.Parameter(self.flat[:5])

    def forward(self, x: Tensor) -> Tensor:
        return self._run(self, x)


def elsewhere(forward: Forward) -> int:
    torch.manual_seed(0)
    net, image = Net(forward), torch.rand(1, 3, 16, 16)
    recorder = Recorder(net, image)
    with torch.no_grad(), recorder:
        net(image)
    return recorder.weights.elsewhere()


def conv(x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(x, weight, padding=1)


def two_slices(net: Net, x: Tensor) -> Tensor:
    first, second = net.flat.reshape(2, 48, 3, 3, 3)
    return conv(x, first) + conv(x, second)


def written_in_place(net: Net, x: Tensor) -> Tensor:
    weight = torch.zeros(48, 3, 3, 3)
    weight[:24] = net.kept[:24]
    weight[24:] = net.kept[24:] * net.gain
    return conv(x, weight)


def becomes_an_activation(net: Net, x: Tensor) -> Tensor:
    kept = net.kept.clone()
    kept[0, 0, 0, 0] = x.mean()
    return conv(x, kept)


def elements_and_sums(net: Net, x: Tensor) -> Tensor:
    around = F.unfold(x, 3, padding=1)[0]
    return torch.stack([(row[:, None] * around).sum(0) for row in net.kept.reshape(48, 27)])


def scaled_by_numbers(_net: Net, x: Tensor) -> Tensor:
    return sum((x * (number / 7) for number in range(1, 7)), torch.add(x, x, alpha=0.3))


def by_a_scratch_tensor(net: Net, x: Tensor) -> Tensor:
    scratch = net.plain[0].clone()[None]
    for weight in net.flat.reshape(2, 48, 3, 3, 3):
        scratch[0].copy_(weight)
        x = conv(x, scratch[0])[:, :3]
    return x


def by_a_stored_scratch_tensor(net: Net, x: Tensor) -> Tensor:
    for weight in net.flat.reshape(2, 48, 3, 3, 3):
        net.kept.copy_(weight)
        x = conv(x, net.kept)[:, :3]
    return x


def filled(_net: Net, x: Tensor) -> Tensor:
    weight = torch.zeros(48, 3, 3, 3)
    for row in range(48):
        weight[row].fill_(row / 7)
    return conv(x, weight)


HIDDEN: dict[str, tuple[Forward, int]] = {
    "buffer": (lambda net, x: conv(x, net.kept), N),
    "attribute": (lambda net, x: conv(x, net.plain[0]), N),
    "product of buffer and parameter": (lambda net, x: conv(x, net.kept * net.gain), N),
    "sum of buffer and parameter": (lambda net, x: conv(x, (net.kept + net.gain).clone()), N),
    "written in place": (written_in_place, N),
    "whole numbers": (lambda net, x: conv(x, net.whole.float() * net.gain), N),
    "picked from a parameter": (lambda net, x: conv(x, net.table[net.which]), N),
    "picked from a parameter, times": (lambda net, x: x.mean() * net.table[net.which], N),
    "slices of one tensor": (two_slices, 2 * N - 5),
    "by a scratch tensor": (by_a_scratch_tensor, 2 * N - 5 + N),
    "by a stored scratch tensor": (by_a_stored_scratch_tensor, 3 * N - 5),
    "behind a small parameter": (lambda net, x: conv(x, net.flat[:N].reshape(48, 3, 3, 3)), N - 5),
    "elements and sums": (elements_and_sums, N),
    "added": (lambda net, x: x.mean() + net.kept, N),
    "made an activation by a sum": (lambda net, x: conv(x, net.kept + 0 * x.mean()), N),
    "made an activation in part": (becomes_an_activation, N),
    "joined": (lambda net, x: torch.cat([x.flatten(), net.kept.flatten()]), N),
    "constant": (
        lambda _net, x: conv(x, torch.tensor([number / 7 for number in range(N)]).reshape(48, 3, 3, 3)),
        N,
    ),
    "filled": (filled, N),
    "generated": (lambda _net, x: conv(x, torch.rand(48, 3, 3, 3)), N),
    "generated in place": (lambda _net, x: conv(x, torch.empty(48, 3, 3, 3).uniform_()), N),
    "generated, times a parameter": (lambda net, x: conv(x, torch.rand(48, 3, 3, 3) * net.gain), N),
    "generated, by a formula": (lambda _net, x: conv(x, torch.arange(N).sin().reshape(48, 3, 3, 3)), N),
    "generated, made an activation": (lambda _net, x: conv(x, torch.rand(48, 3, 3, 3) + 0 * x.mean()), N),
    "numbers in the code": (scaled_by_numbers, 7),
}


@pytest.mark.parametrize(("forward", "expected"), HIDDEN.values(), ids=HIDDEN.keys())
def test_weights_that_are_no_parameters(forward: Forward, expected: int) -> None:
    assert elsewhere(forward) == expected


def attention(net: Net, x: Tensor) -> Tensor:
    query = x.reshape(1, 3, 16, 16)
    bias = net.table[net.which.reshape(-1)[:256].reshape(16, 16)]
    mask = torch.zeros(16, 16).masked_fill_(torch.ones(16, 16).triu(1).bool(), -100.0)
    return F.scaled_dot_product_attention(query, query, query, attn_mask=bias + mask) + bias


def sampled(_net: Net, x: Tensor) -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    grid = torch.stack([columns, rows], -1)[None] + 0.1 * x[:, :2].permute(0, 2, 3, 1)
    return F.grid_sample(x, grid, align_corners=False)


def padded(_net: Net, x: Tensor) -> Tensor:
    wide = torch.cat([x, torch.zeros(1, 3, 16, 4)], dim=3)
    wide[..., 18:] = x[..., :2]
    return wide * torch.hann_window(320).reshape(16, 20) + torch.ones_like(wide)


def embedded(net: Net, x: Tensor) -> Tensor:
    pixels = x.flatten(2)[0].t().contiguous()
    index = torch.arange(3).expand(len(pixels), 3).contiguous()
    return F.embedding_bag(index, net.table[:6].reshape(3, 2), mode="sum", per_sample_weights=pixels)


HONEST: dict[str, Forward] = {
    "parameters": lambda net, x: x * net.gain + net.table.reshape(16, 1),
    "weights made from parameters": lambda net, x: F.conv2d(
        x, net.table[:9].reshape(3, 1, 3, 1) * net.gain, groups=3
    ),
    "dynamic weights": lambda net, x: F.conv2d(x, (x.mean((2, 3)) * net.gain).reshape(3, 1, 1, 1), groups=3),
    "relative positions and masks": attention,
    "grids": sampled,
    "picked by integers in a product": embedded,
    "padding and windows": padded,
    "batch norm": lambda _net, x: nn.BatchNorm2d(3, affine=False).eval()(x),
    "an expanded parameter": lambda net, x: F.conv2d(x, net.gain.expand(3, 1, 3, 3), groups=3),
    "a parameter turned": lambda net, x: (
        x.flatten(2)[0].t()[:, :1] @ net.table.reshape(1, 16) @ net.table.reshape(16, 1)
    ),
}


@pytest.mark.parametrize("forward", HONEST.values(), ids=HONEST.keys())
def test_what_is_no_weight(forward: Forward) -> None:
    assert elsewhere(forward) <= 1, "a number in the code"


def test_memory_that_comes_again_is_not_mistaken() -> None:
    """A constant takes the place of an activation that is gone: it is a weight all the same."""

    def forward(_net: Net, x: Tensor) -> Tensor:
        for _ in range(20):
            x = x + 1
            x = x + torch.tensor([0.5] * 768).reshape(1, 3, 16, 16)
        return x

    assert elsewhere(forward) == 20 * 768


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([torch.rand(64, 64)], 4096),
        ([torch.rand(64, 64).gt(0.5) * -100.0], 4096 // 32),
        ([(torch.arange(4096) % 7).eq(3).reshape(64, 64) * -100.0 for _ in range(3)], 4096 // 32),
        ([torch.rand(64, 64).gt(0.5) * 1.0 for _ in range(8)], 8 * 4096 // 32),
        ([torch.rand(64, 64).gt(0.5)], 4096 // 32),
    ],
    ids=["weights", "mask", "the same mask again", "planes of bits", "bool"],
)
def test_a_mask_counts_by_its_bits_and_once(values: list[Tensor], expected: int) -> None:
    constants = [value.clone() for value in values]
    assert elsewhere(lambda _net, x: sum((x.mean() + one for one in constants), x.mean())) == expected


def test_weights_of_two_values_that_multiply_count_in_full() -> None:
    weights = [torch.eye(48)[:, :27].reshape(48, 3, 3, 3).clone() for _ in range(2)]
    assert elsewhere(lambda _net, x: conv(x, weights[0]) + conv(x, weights[1])) == 2 * N
