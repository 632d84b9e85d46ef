"""Building blocks that several submissions share.

Some attribute names are terse because they follow the released checkpoints: `state_dict` keys are part of a
submission's interface. Every block takes and returns float tensors (N, C, H, W) in any range.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvFactory(Protocol):
    """Builds a 3x3 convolution. Training passes a factory of its own for re-parameterisable convolutions."""

    def __call__(
        self, in_channels: int, out_channels: int, *, stride: int = 1, padding: int = 1
    ) -> nn.Module:
        """A module that maps (N, in_channels, H, W) to (N, out_channels, H', W') as such a Conv2d would."""
        ...


def conv3x3(in_channels: int, out_channels: int, *, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    """A plain 3x3 convolution with bias and zero padding: the default `ConvFactory`."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=padding)


def resize_like(x: Tensor, reference: Tensor) -> Tensor:
    """Float `x` (N, C, H, W) resized bilinearly (align_corners=False) to the height and width of `reference`."""
    return F.interpolate(x, size=reference.shape[-2:], mode="bilinear", align_corners=False)


def upsampler(
    channels: int, *, scale: int = 4, conv_name: str = "0", conv: ConvFactory = conv3x3
) -> nn.Sequential:
    """3x3 convolution to 3*scale^2 channels and one pixel shuffle: (N, C, H, W) to (N, 3, H*scale, W*scale).

    `conv_name` is the name of the convolution in the `state_dict`, which differs between released checkpoints.
    """
    head = conv(channels, 3 * scale**2)
    return nn.Sequential(OrderedDict([(conv_name, head), ("shuffle", nn.PixelShuffle(scale))]))


class ESA(nn.Module):
    """Enhanced spatial attention (RFANet, CVPR 2020), in the lean form without `conv_f`.

    Shape (N, channels, H, W) in and out, H and W at least 15 (the inner max-pool needs 7 pixels after the
    strided convolution). `reduced` is the channel count inside.
    """

    def __init__(self, channels: int, reduced: int, *, conv: ConvFactory = conv3x3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, reduced, 1)
        self.conv2 = conv(reduced, reduced, stride=2, padding=0)
        self.conv3 = conv(reduced, reduced)
        self.conv4 = nn.Conv2d(reduced, channels, 1)

    def skip(self, reduced: Tensor) -> Tensor:
        """The term that the inner skip adds to the resized branch, of the shape of `reduced`."""
        return reduced

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.conv1(x)
        pooled = F.max_pool2d(self.conv2(reduced), kernel_size=7, stride=3)
        spread = resize_like(self.conv3(pooled), x)
        return x * torch.sigmoid(self.conv4(spread + self.skip(reduced)))


class SkipConvESA(ESA):
    """ESA as RLFN has it: with `conv_f`, a 1x1 convolution on the inner skip."""

    def __init__(self, channels: int, reduced: int, *, conv: ConvFactory = conv3x3) -> None:
        super().__init__(channels, reduced, conv=conv)
        self.conv_f = nn.Conv2d(reduced, reduced, 1)

    def skip(self, reduced: Tensor) -> Tensor:
        return self.conv_f(reduced)


class ResidualLocalFeatureBlock(nn.Module):
    """RLFN's block (CVPRW 2022): three 3x3 convolutions with LeakyReLU 0.05, + input, 1x1, attention.

    `channels` enter and leave; `inner` channels lie between the three convolutions. `attention` maps
    (N, channels, H, W) to the same shape.
    """

    def __init__(
        self, channels: int, inner: int, attention: nn.Module, *, conv: ConvFactory = conv3x3
    ) -> None:
        super().__init__()
        self.c1_r = conv(channels, inner)
        self.c2_r = conv(inner, inner)
        self.c3_r = conv(inner, channels)
        self.c5 = nn.Conv2d(channels, channels, 1)
        self.esa = attention
        self.act = nn.LeakyReLU(0.05)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act(self.c1_r(x))
        out = self.act(self.c2_r(out))
        out = self.act(self.c3_r(out))
        return self.esa(self.c5(out + x))


class SSConv(nn.Module):
    """Strip-separable convolution: unbiased 1x1, depth-wise 3x1, depth-wise 1x3 (BSConv cut into strips).

    Both strips have bias and reflect padding of 1 along their length, so stride 1 keeps the size. `stride` applies to
    both strips in both directions, so the image shrinks by the square of it.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.pw = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.dw1 = _strip(out_channels, (3, 1), stride)
        self.dw2 = _strip(out_channels, (1, 3), stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.dw2(self.dw1(self.pw(x)))


def _strip(channels: int, kernel: tuple[int, int], stride: int) -> nn.Conv2d:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Conv2d(
        channels, channels, kernel, stride=stride, padding=padding, groups=channels, padding_mode="reflect"
    )
