"""Training losses as pure functions of (prediction, target), and their weighted sum.

Every loss takes two float tensors of one shape, (N, C, H, W), values 0..1 whatever range the network works
in, so that a constant in a loss (Charbonnier's epsilon, the PSNR's peak) means the same for every recipe.
Every loss returns a scalar tensor, the mean over the batch: the mean over two halves of a batch equals the
loss of the whole, which is what makes training on several devices equal training on one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error."""
    return (prediction - target).abs().mean()


def l2(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error."""
    return (prediction - target).square().mean()


def charbonnier(prediction: Tensor, target: Tensor, *, eps: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + eps^2), a smooth L1 (Charbonnier et al., ICIP 1994; LapSRN, CVPR 2017)."""
    return torch.sqrt((prediction - target).square() + eps**2).mean()


def psnr_loss(prediction: Tensor, target: Tensor, *, eps: float = 1e-8) -> Tensor:
    """Negative PSNR in dB for peak 1, mean over images: 10*log10(MSE of the image + eps).

    `eps` bounds the loss at -80 dB and the gradient with it where prediction and target agree.
    """
    error = (prediction - target).square().mean(dim=(1, 2, 3))
    return (10 / math.log(10)) * torch.log(error + eps).mean()


def gradient_weighted(prediction: Tensor, target: Tensor, *, alpha: float = 4.0) -> Tensor:
    """Gradient-weighted loss of CDC (Wei et al., Component Divide-and-Conquer, ECCV 2020).

    mean(|(1 + alpha*Dx) * (1 + alpha*Dy) * (prediction - target)|), where Dx and Dy are the absolute
    differences of the two images' horizontal and vertical Sobel gradients, channel by channel. An error
    counts more where the edges differ. Borders are replicated, so a constant offset has no gradient there.
    """
    difference = prediction - target
    horizontal, vertical = sobel(difference)  # Sobel is linear: of the difference = difference of the two
    return ((1 + alpha * horizontal.abs()) * (1 + alpha * vertical.abs()) * difference).abs().mean()


def sobel(images: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical Sobel gradients, (N, C, H, W) each, replicated borders, kernels not scaled."""
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
class Term:
    """One summand: `weight` times the loss `name` of `LOSSES` with keyword `options` (eps, alpha)."""

    name: str
    weight: float = 1.0
    options: dict[str, float] = field(default_factory=dict)

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.weight * LOSSES[self.name](prediction, target, **self.options)


def weighted_sum(terms: Sequence[Term], prediction: Tensor, target: Tensor) -> Tensor:
    """The sum of all `terms`, a scalar. ValueError when there are none: a loss of nothing is a mistake."""
    if not terms:
        raise ValueError("terms: expected at least one loss, got none")
    return torch.stack([term(prediction, target) for term in terms]).sum()
