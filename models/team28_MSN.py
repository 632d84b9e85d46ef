"""28 MSN (team DASE-IDEALab): distillation blocks of strip-separable convolutions, multi-scale attention.

The network is the released one. Equation 3 of the factsheet differs: there the last block's output goes through a 3x3
convolution. The released network sums the outputs of all blocks, and the sum goes through a 1x1, GELU and SSConv.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks import SSConv, resize_like, upsampler

RGB_MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K, values 0..1


class ChannelLayerNorm(nn.Module):
    """Layer norm over the channels of each pixel, eps 1e-6, biased variance; float (N, C, H, W) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        variance = centred.pow(2).mean(1, keepdim=True)
        normed = centred / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * normed + self.bias[:, None, None]


def local_variance(x: Tensor) -> Tensor:
    """Unbiased variance of each 7x7 window at stride 3 of float (N, C, H, W), after reflect padding by 1."""
    padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
    mean = F.avg_pool2d(padded, 7, 3)
    return (F.avg_pool2d(padded.square(), 7, 3) - mean.square()) * (49 / 48)


class MDSA(nn.Module):
    """Multi-scale detail-enhanced spatial attention on the normalised input; float (N, C, H, W) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = channels // 4
        self.ln = ChannelLayerNorm(channels)
        self.conv1 = nn.Conv2d(channels, reduced, 1)
        self.conv_f = nn.Conv2d(reduced, reduced, 1)
        self.conv4 = nn.Conv2d(reduced, channels, 1)
        self.conv2_0 = SSConv(reduced, reduced, stride=2)
        self.conv2_1 = SSConv(reduced, reduced, stride=2)
        self.conv2_2 = SSConv(reduced, reduced, stride=2)
        self.conv2_3 = SSConv(reduced, reduced, stride=2)
        self.conv_max_0 = SSConv(reduced, reduced)
        self.conv_max_1 = SSConv(reduced, reduced)
        self.conv_max_2 = SSConv(reduced, reduced)
        self.conv3_0 = SSConv(reduced, reduced)
        self.conv3_1 = SSConv(reduced, reduced)
        self.conv3_2 = SSConv(reduced, reduced)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.ln(x)
        c1 = self.conv1(normed)
        fine = F.max_pool2d(self.conv2_0(c1), 3, 3, padding=1)
        middle = F.max_pool2d(self.conv2_1(c1), 5, 3)
        coarse = F.max_pool2d(self.conv2_2(c1), 7, 3, padding=1) + local_variance(self.conv2_3(c1))
        total = self.conv_f(c1)
        total = total + resize_like(self.conv3_0(F.gelu(self.conv_max_0(fine))), x)
        total = total + resize_like(self.conv3_1(F.gelu(self.conv_max_1(middle))), x)
        total = total + resize_like(self.conv3_2(F.gelu(self.conv_max_2(coarse))), x)
        return normed * torch.sigmoid(self.conv4(total))


class ContrastAttention(nn.Module):
    """Contrast-aware channel attention (IMDN, ACM MM 2019): gates by spatial standard deviation plus mean.

    Float (N, C, H, W) in and out.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = channels // reduction
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv_du = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        mean = self.pool(x)
        deviation = (x - mean).pow(2).mean((2, 3), keepdim=True).sqrt()
        return x * self.conv_du(deviation + mean)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def ecca(channels: int) -> Residual:
    """Enhanced contrast-aware channel attention: 1x1, GELU, contrast attention, depth-wise 3x3, + input."""
    return Residual(
        _same_conv(channels, channels, 1),
        nn.GELU(),
        ContrastAttention(channels),
        _same_conv(channels, channels, 3, groups=channels),
    )


def _same_conv(in_channels: int, out_channels: int, kernel: int, *, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size, declared with padding="same" as the team declares it.

    The results equal those of numeric padding. Tracing, however, yields `aten::_convolution_mode`, which fvcore does
    not count. The official 4.50 GFLOPs therefore leave these convolutions out; they are 5.09 with them.
    """
    return nn.Conv2d(in_channels, out_channels, kernel, padding="same", groups=groups)


class DistillationAttentionBlock(nn.Module):
    """Three distillation steps and a last one, joined, then MDSA and ECCA; float (N, C, H, W) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.c1_d = nn.Conv2d(channels, half, 1)
        self.c1_r = SSConv(channels, channels)
        self.c2_d = nn.Conv2d(channels, half, 1)
        self.c2_r = SSConv(channels, channels)
        self.c3_d = nn.Conv2d(channels, half, 1)
        self.c3_r = SSConv(channels, channels)
        self.c4 = SSConv(channels, half)
        self.c5 = nn.Conv2d(4 * half, channels, 1)
        self.esa = Residual(MDSA(channels))
        self.cca = ecca(channels)

    def forward(self, x: Tensor) -> Tensor:
        kept, rest = [], x
        for distil, refine in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            kept.append(F.gelu(distil(rest)))
            rest = F.gelu(refine(rest) + rest)
        kept.append(F.gelu(self.c4(rest)))
        return self.cca(self.esa(self.c5(torch.cat(kept, 1)))) + x


class MSN(nn.Module):
    """MSN for x4: (N, 3, H, W) to (N, 3, 4H, 4W), values 0..1, float32; H and W at least 29."""

    mean: Tensor

    def __init__(self, channels: int = 28, blocks: int = 8, scale: int = 4) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(RGB_MEAN).view(1, 3, 1, 1), persistent=False)
        self.fea_conv = _same_conv(3, channels, 3)
        self.block_names = [f"B{number}" for number in range(1, blocks + 1)]
        for name in self.block_names:
            self.add_module(name, DistillationAttentionBlock(channels))
        self.c1 = nn.Conv2d(channels, channels, 1)
        self.c2 = SSConv(channels, channels)
        self.upsampler = nn.Sequential(OrderedDict(upsampleOneStep=upsampler(channels, scale=scale)))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.fea_conv(x - self.mean)
        deep, total = shallow, torch.zeros_like(shallow)
        for name in self.block_names:
            deep = self.get_submodule(name)(deep)
            total = total + deep
        fused = self.c2(F.gelu(self.c1(total)))
        return self.upsampler(fused + shallow) + self.mean
