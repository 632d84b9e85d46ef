"""00 RLFN: Residual Local Feature Network (Kong et al., CVPRW 2022), baseline of NTIRE 2024 Efficient SR."""

from __future__ import annotations

from torch import Tensor, nn

from models.blocks import ResidualLocalFeatureBlock, SkipConvESA, conv3x3, upsampler


class RLFN(nn.Module):
    """RLFN for x4: (N, 3, H, W) to (N, 3, 4H, 4W), values 0..255, float32; H and W at least 15.

    `channels` run between blocks, `inner` within them, `esa_channels` in the attention.
    """

    def __init__(
        self, channels: int = 46, inner: int = 48, blocks: int = 4, esa_channels: int = 16, scale: int = 4
    ) -> None:
        super().__init__()
        self.conv_1 = conv3x3(3, channels)
        self.block_names = [f"block_{number}" for number in range(1, blocks + 1)]
        for name in self.block_names:
            block = ResidualLocalFeatureBlock(channels, inner, SkipConvESA(channels, esa_channels))
            self.add_module(name, block)
        self.conv_2 = conv3x3(channels, channels)
        self.upsampler = upsampler(channels, scale=scale)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.conv_1(x)
        deep = shallow
        for name in self.block_names:
            deep = self.get_submodule(name)(deep)
        return self.upsampler(self.conv_2(deep) + shallow)
