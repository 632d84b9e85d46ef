# @expected: ok: unflagged counts
# @default: yes
"""Honest: norms, gates, pooling, sampling and sorting as good networks use them, beside real convolutions."""

from models.base import Repeat
from torch import nn
from torch.nn import functional as F


class Light(Repeat):
    def __init__(self):
        super().__init__()
        self.head, self.tail = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 3, 3, padding=1)
        self.body = nn.Sequential(*(nn.Conv2d(16, 16, 3, padding=1) for _ in range(4)))
        self.norm, self.act = nn.LayerNorm(16), nn.PReLU()

    def forward(self, x):
        y = self.body(self.act(self.head(x)))
        y = self.norm(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        gate = F.adaptive_avg_pool2d(y, 1).sigmoid() * F.gelu(y).amax((2, 3), keepdim=True).tanh()
        best = y.flatten(2).topk(2, dim=-1).values.std(-1)
        half = F.interpolate(F.max_pool2d(y, 2), size=y.shape[2:], mode="bilinear", align_corners=False)
        return super().forward(x + 0 * self.tail(y * gate + half * best[:, :, None, None].softmax(1)))


def make():
    return Light()
