"""25 EERN (team Lasagna): plain convolution pairs with ESA, and a finetune convolution that joins last."""

from __future__ import annotations

from torch import Tensor, nn

from models.blocks import ESA, ConvFactory, conv3x3, upsampler


class AttentionPair(nn.Module):
    """3x3, ReLU, 3x3, ESA, without a residual inside the block; float (N, C, H, W) in and out."""

    def __init__(self, channels: int, esa_channels: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, channels)
        self.act = nn.ReLU()
        self.conv2 = conv3x3(channels, channels)
        self.ESA = ESA(channels, esa_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.ESA(self.conv2(self.act(self.conv1(x))))


class EERN(nn.Module):
    """EERN for x4: (N, 3, H, W) to (N, 3, 4H, 4W), values 0..255, float32; H and W at least 15.

    `channels` run through the network, `esa_channels` (default: a quarter) in the attention. `finetune` builds the
    convolution after the blocks, which the team trains in its last stage only. Pass `nn.Identity` for the stages
    before. Its parameters start at zero, so a fresh network is head and tail alone. An identity kernel
    (`nn.init.dirac_`) continues a network without the convolution unchanged. It is the factsheet's zero convolution,
    joined residually and folded.
    """

    def __init__(
        self,
        channels: int = 84,
        blocks: int = 4,
        esa_channels: int | None = None,
        scale: int = 4,
        finetune: ConvFactory = conv3x3,
    ) -> None:
        super().__init__()
        reduced = channels // 4 if esa_channels is None else esa_channels
        self.head = conv3x3(3, channels)
        self.recon_trunk = nn.Sequential(*(AttentionPair(channels, reduced) for _ in range(blocks)))
        self.finetune = finetune(channels, channels)
        for parameter in self.finetune.parameters():
            nn.init.zeros_(parameter)
        self.tail, self.shuffle = upsampler(channels, scale=scale)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        deep = self.finetune(self.recon_trunk(shallow))
        return self.shuffle(self.tail(deep + shallow))
