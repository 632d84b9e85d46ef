"""21 SlimRLFN (team HiSR): RLFN, deeper and slimmer, without ESA's `conv_f`; id 21p is its pruned form."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from models.blocks import ESA, ConvFactory, ResidualLocalFeatureBlock, conv3x3, upsampler


class SlimRLFN(nn.Module):
    """SlimRLFN for x4: (N, 3, H, W) to (N, 3, 4H, 4W), values 0..255, float32; H and W at least 15.

    `channels` run between blocks. `inner` holds each block's channel count between its 3x3 convolutions; the default
    is `channels` in every block, and pruning lowers it. `conv` builds every 3x3 convolution, the attention's
    included. ValueError if `inner` does not hold one count per block.
    """

    def __init__(
        self,
        channels: int = 30,
        blocks: int = 6,
        inner: Sequence[int] | None = None,
        esa_channels: int = 16,
        scale: int = 4,
        conv: ConvFactory = conv3x3,
    ) -> None:
        super().__init__()
        widths = [channels] * blocks if inner is None else list(inner)
        if len(widths) != blocks:
            raise ValueError(f"inner: expected one channel count per block ({blocks}), got {len(widths)}")
        self.conv_1 = conv(3, channels)
        self.block_list = nn.Sequential(
            *(
                ResidualLocalFeatureBlock(channels, width, ESA(channels, esa_channels, conv=conv), conv=conv)
                for width in widths
            )
        )
        self.conv_2 = conv(channels, channels)
        self.upsampler = upsampler(channels, scale=scale, conv_name="upsample_conv", conv=conv)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.conv_1(x)
        return self.upsampler(self.conv_2(self.block_list(shallow)) + shallow)
