"""PSNR of a network on image pairs, by the harness's own metric code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from data.images import Image, modcrop, read_rgb
from data.pairs import pair_folders
from data.stores import PairStore
from eval.metrics.color import rgb_to_y
from eval.metrics.psnr import psnr
from train.patches import PatchPlan, patch


@dataclass(frozen=True)
class Quality:
    """Means over the validation images, in dB, border of `scale` pixels cropped; and the first output."""

    psnr_db: float
    psnr_y_db: float
    sample: Image


class ValidationSet:
    """LR and HR images held in memory, with a `label` for the summary."""

    def __init__(self, label: str, pairs: list[tuple[Image, Image]], scale: int) -> None:
        self.label, self.pairs, self.scale = label, pairs, scale

    @torch.no_grad()
    def measure(self, model: nn.Module, data_range: float, device: torch.device) -> Quality:
        """Run `model` in evaluation mode on every pair; it is left in the mode it was in."""
        training = model.training
        model.eval()
        outputs = [upscale(model, low, data_range, device) for low, _ in self.pairs]
        model.train(training)
        scored = list(zip(outputs, (high for _, high in self.pairs), strict=True))
        rgb = [psnr(output, high, self.scale) for output, high in scored]
        luma = [psnr(rgb_to_y(output), rgb_to_y(high), self.scale) for output, high in scored]
        return Quality(float(np.mean(rgb)), float(np.mean(luma)), outputs[0])


def folder_pairs(hr: Path, lr: Path, scale: int) -> ValidationSet:
    """The pairs of two folders. Raises InputError as `data.pairs.pair_folders` does."""
    pairs = pair_folders(hr, lr, scale)
    images = [(read_rgb(pair.lr), modcrop(read_rgb(pair.hr), scale)) for pair in pairs]
    return ValidationSet(f"{len(images)} images of {hr}", images, scale)


def training_patches(store: PairStore, lr_patch: int, seed: int, count: int = 8) -> ValidationSet:
    """Patches of the training images themselves: says whether training works, not how good the network is."""
    plan = PatchPlan(lr_patch, seed + 1, flips=False, rotations=False)
    pairs = [patch(store, plan, number) for number in range(count)]
    return ValidationSet(f"{count} patches of the training images", pairs, store.scale)


def upscale(model: nn.Module, low: Image, data_range: float, device: torch.device) -> Image:
    """One image through `model`: uint8 in, uint8 out, clamped and rounded as the harness does."""
    x = torch.from_numpy(np.ascontiguousarray(low)).to(device).permute(2, 0, 1)[None].float()
    output: Tensor = model(x * (data_range / 255))
    levels = (output.float() * (255 / data_range)).clamp(0, 255).round()
    return levels[0].permute(1, 2, 0).byte().cpu().numpy()
