"""PSNR of a network on image pairs, measured with the harness's own metric code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data.images import modcrop, read_rgb
from data.pairs import pair_folders
from data.stores import PairStore
from data.types import Image
from eval.metrics.color import rgb_to_y
from eval.metrics.psnr import psnr
from train.patches import PatchPlan, patch


class ValidationSet:
    """LR and HR images (uint8, H x W x 3) in memory, with a `label` for the summary."""

    def __init__(self, label: str, pairs: list[tuple[Image, Image]], scale: int) -> None:
        self.label, self.pairs, self.scale = label, pairs, scale

    @torch.no_grad()
    def scores(
        self, model: nn.Module, data_range: float, device: torch.device, *, rank: int = 0, world: int = 1
    ) -> tuple[NDArray[np.float64], Image | None]:
        """PSNR of every `world`-th pair from pair `rank` on: float64 (pairs, 2), in dB, RGB and Y, 0 elsewhere.

        The sum over all ranks holds the score of each pair. A border of `scale` pixels is left out. The second
        result is the output for the first pair, None in other processes. `model` runs in evaluation mode and is
        left in the mode it had.
        """
        training = model.training
        model.eval()
        scores, sample = np.zeros((len(self.pairs), 2)), None
        for number in range(rank, len(self.pairs), world):
            low, high = self.pairs[number]
            output = upscale(model, low, data_range, device)
            sample = output if number == 0 else sample
            scores[number, 0] = psnr(output, high, self.scale)
            scores[number, 1] = psnr(rgb_to_y(output), rgb_to_y(high), self.scale)
        model.train(training)
        return scores, sample


def folder_pairs(hr: Path, lr: Path, scale: int) -> ValidationSet:
    """The pairs of two folders. Raises InputError as `data.pairs.pair_folders` does."""
    pairs = pair_folders(hr, lr, scale)
    images = [(read_rgb(pair.lr), modcrop(read_rgb(pair.hr), scale)) for pair in pairs]
    return ValidationSet(f"{len(images)} images of {hr}", images, scale)


def training_patches(store: PairStore, lr_patch: int, seed: int, count: int = 8) -> ValidationSet:
    """`count` patches of the training images. They show whether training works, not how good the network is."""
    plan = PatchPlan(lr_patch, seed + 1, flips=False, rotations=False)
    pairs = [patch(store, plan, number) for number in range(count)]
    return ValidationSet(f"{count} patches of the training images", pairs, store.scale)


def upscale(model: nn.Module, low: Image, data_range: float, device: torch.device) -> Image:
    """One image through `model`: uint8 (H, W, 3) to uint8 (H*scale, W*scale, 3).

    The output is clamped and rounded as the harness does it.
    """
    x = torch.from_numpy(np.ascontiguousarray(low)).to(device).permute(2, 0, 1)[None].float()
    output: Tensor = model(x * (data_range / 255))
    levels = (output.float() * (255 / data_range)).clamp(0, 255).round()
    return levels[0].permute(1, 2, 0).byte().cpu().numpy()
