"""Training losses as pure functions of (prediction, target), and their weighted sum.

Every loss takes two float tensors of one shape, (N, C, H, W), with values 0..1 whatever the network's range. A constant
in a loss, such as Charbonnier's epsilon, therefore means the same in every recipe. Every loss returns a scalar tensor,
the mean over the batch. The mean over two halves of a batch equals the loss of the whole batch, so training on several
devices equals training on one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of (N, C, H, W) tensors, values 0..1.

    >>> l1(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5))
    tensor(0.5000)
    """
    return (prediction - target).abs().mean()


def l2(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of (N, C, H, W) tensors, values 0..1.

    >>> l2(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5))
    tensor(0.2500)
    """
    return (prediction - target).square().mean()


def charbonnier(prediction: Tensor, target: Tensor, *, eps: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + eps^2) for differences d of (N, C, H, W) tensors, values 0..1.

    A smooth L1 (Charbonnier et al., ICIP 1994; LapSRN, CVPR 2017).
    """
    return torch.sqrt((prediction - target).square() + eps**2).mean()


def psnr_loss(prediction: Tensor, target: Tensor, *, eps: float = 1e-8) -> Tensor:
    """Negative PSNR in dB for peak 1, mean over images: 10*log10(MSE of the image + eps).

    Both tensors are (N, C, H, W), values 0..1. `eps` bounds the loss at -80 dB, and bounds the gradient when
    prediction and target agree.
    """
    error = (prediction - target).square().mean(dim=(1, 2, 3))
    return (10 / math.log(10)) * torch.log(error + eps).mean()


def gradient_weighted(prediction: Tensor, target: Tensor, *, alpha: float = 4.0) -> Tensor:
    """Gradient-weighted loss of CDC (Wei et al., Component Divide-and-Conquer, ECCV 2020).

    mean(|(1 + alpha*Dx) * (1 + alpha*Dy) * (prediction - target)|). Dx and Dy are the absolute differences of the
    two images' horizontal and vertical Sobel gradients, channel by channel. An error counts more at edges that
    differ. Both tensors are (N, C, H, W), values 0..1. Borders are replicated, so a constant offset has no gradient.
    """
    difference = prediction - target
    horizontal, vertical = sobel(difference)  # Sobel is linear: of the difference = difference of the two
    return ((1 + alpha * horizontal.abs()) * (1 + alpha * vertical.abs()) * difference).abs().mean()


def sobel(images: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical Sobel gradients of float (N, C, H, W) images, each of the same shape.

    Borders are replicated; the kernels are not scaled, so values 0..1 give gradients -4..4.
    """
    channels = images.shape[1]
    ramp, smooth = images.new_tensor([-1.0, 0.0, 1.0]), images.new_tensor([1.0, 2.0, 1.0])
    kernel = torch.outer(smooth, ramp).expand(channels, 1, 3, 3)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    horizontal = F.conv2d(padded, kernel, groups=channels)
    vertical = F.conv2d(padded, kernel.transpose(2, 3), groups=channels)
    return horizontal, vertical


LOSSES: dict[str, Callable[..., Tensor]] = {
    "l1": l1,
    "l2": l2,
    "charbonnier": charbonnier,
    "psnr": psnr_loss,
    "gradient_weighted": gradient_weighted,
}


@dataclass(frozen=True)
class LossTerm:
    """One summand: `weight` times the loss `name` of `LOSSES` with keyword `options` (eps, alpha)."""

    name: str
    weight: float = 1.0
    options: dict[str, float] = field(default_factory=dict)

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.weight * LOSSES[self.name](prediction, target, **self.options)


def weighted_sum(terms: Sequence[LossTerm], prediction: Tensor, target: Tensor) -> Tensor:
    """The sum of all `terms` for (N, C, H, W) tensors, values 0..1: a scalar. ValueError if there are no terms."""
    if not terms:
        raise ValueError("terms: expected at least one loss, got none")
    return torch.stack([term(prediction, target) for term in terms]).sum()
