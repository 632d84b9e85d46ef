"""Re-parameterisable 3x3 convolutions: several linear branches while training, one convolution afterwards.

The branches come from the literature. RepVGG (Ding et al., CVPR 2021) has the parallel 3x3, 1x1 and identity; its batch
norm is left out, as usual in super-resolution. ECBSR (Zhang et al., ACM MM 2021) has the sequence of a widening 1x1 and
a 3x3. OREPA (Hu et al., CVPR 2022) sums kernels instead of feature maps in every training step. The result is the same
by linearity, at the cost of one convolution.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RepConv(nn.Module):
    """Drop-in for a 3x3 `Conv2d` with bias and zero padding: 3x3 + 1x1 + identity + (1x1 -> 3x3).

    Maps float (N, in, H, W) to (N, out, H', W') as that convolution does, values of any range. The identity is
    present if `in_channels` equals `out_channels` and `stride` is 1. `expansion` is the factor by which the
    sequence's 1x1 widens `out_channels`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int = 1, padding: int = 1, expansion: int = 2
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.stride, self.padding = stride, padding
        self.square = nn.Conv2d(in_channels, out_channels, 3)
        self.point = nn.Conv2d(in_channels, out_channels, 1)
        self.widen = nn.Conv2d(in_channels, expansion * out_channels, 1)
        self.narrow = nn.Conv2d(expansion * out_channels, out_channels, 3)
        self.has_identity = in_channels == out_channels and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        kernel, bias = self.folded()
        return F.conv2d(x, kernel, bias, stride=self.stride, padding=self.padding)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Kernel (out, in, 3, 3) and bias (out,) of the equivalent convolution; differentiable."""
        sequence_kernel = torch.einsum("omhw,mi->oihw", self.narrow.weight, self.widen.weight[:, :, 0, 0])
        sequence_bias = torch.einsum("omhw,m->o", self.narrow.weight, _bias(self.widen)) + _bias(self.narrow)
        centre = self.point.weight[:, :, 0, 0]
        if self.has_identity:
            centre = centre + torch.eye(self.in_channels, dtype=centre.dtype, device=centre.device)
        kernel = self.square.weight + sequence_kernel + F.pad(centre[:, :, None, None], (1, 1, 1, 1))
        return kernel, _bias(self.square) + _bias(self.point) + sequence_bias

    @torch.no_grad()
    def fold(self) -> nn.Conv2d:
        """The equivalent plain convolution, with parameters of its own."""
        plain = nn.Conv2d(
            self.in_channels, self.out_channels, 3, stride=self.stride, padding=self.padding
        ).to(self.square.weight)
        kernel, bias = self.folded()
        plain.weight.copy_(kernel)
        _bias(plain).copy_(bias)
        return plain


def fold_all(model: nn.Module) -> int:
    """Replace every `RepConv` in `model`, in place, by its folded convolution. Returns how many there were."""
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, RepConv)]
    for name, module in found:
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, module.fold())
    return len(found)


@torch.no_grad()
def unfolded(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`state` with its plain 3x3 convolutions turned into branches, for each `RepConv` in `model`.

    The 1x1, the identity and the sequence keep the values of `model`. The 3x3 branch takes the difference, so
    folding gives the plain convolution back. Convolutions that `state` holds as branches stay as they are.
    """
    result = dict(state)
    for name, module in model.named_modules():
        if not isinstance(module, RepConv) or f"{name}.weight" not in state:
            continue
        kernel, bias = module.folded()
        branches = {f"{name}.{key}": value.clone() for key, value in module.state_dict().items()}
        branches[f"{name}.square.weight"] += result.pop(f"{name}.weight") - kernel
        branches[f"{name}.square.bias"] += result.pop(f"{name}.bias") - bias
        result |= branches
    return result


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None  # every convolution here is built with one
    return conv.bias
