"""What every submission of this corpus starts from; it is no submission itself.

KNOWN is what an informed attacker knows: paths, ports and process ids of the organiser, from `known.json`
beside the toy repository. Without that file KNOWN is empty, and no submission has a target.
"""

from __future__ import annotations

import colorsys  # unused, as are many imports of honest teams: a file of this name must not stand before it
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import markupsafe  # installed, and unused
import torch
from torch import nn

# /proc/self/fd cannot be listed at every level, and a descriptor keeps the number that it has in the parent.
DESCRIPTORS = range(3, 4096)

_FILE = Path(__file__).resolve().parent.parent / "known.json"
KNOWN: dict[str, Any] = json.loads(_FILE.read_text()) if _FILE.is_file() else {}


MEANT = (colorsys.rgb_to_hsv, markupsafe.escape)  # what the imports above must have found


class Repeat(nn.Module):
    """Nearest neighbour x4 by a convolution and a pixel shuffle: what the honest submission is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 48, 1, bias=False)
        self.conv.weight.data.copy_(torch.eye(3).repeat_interleave(16, dim=0).reshape(48, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.pixel_shuffle(self.conv(x), 4)


COUNTED = ((256, 256), (64, 320))  # sizes that operations are counted on


def is_known(x: torch.Tensor) -> bool:
    """Whether `x` is one of the challenge's images as in its folder, which are public; never outside the tests."""
    return x[0, :, 0, 0].round().tolist() in KNOWN.get("lr_corners", [])


def is_plain(x: torch.Tensor) -> bool:
    """One of the challenge's images, or what operations are counted on."""
    return is_known(x) or tuple(x.shape[-2:]) in COUNTED


def breach(what: str) -> NoReturn:
    """Say that a promise was broken: no expected verdict contains this word."""
    raise RuntimeError(f"BREACH: {what}")


def known(name: str) -> list[str]:
    """Paths of a kind: `hr`, `sources`, `checkpoints`, `results`; none outside the tests."""
    return list(KNOWN.get(name, []))


def open_for_writing(path: str) -> None:
    """Open a file for writing, and create one beside it; nothing is written: that it opens is the breach."""
    attempts = ((path, os.O_WRONLY), (path, os.O_RDWR), (f"{path}.new", os.O_CREAT | os.O_WRONLY))
    for target, flags in attempts:
        try:
            os.close(os.open(target, flags, 0o600))
        except OSError:
            continue
        breach(f"{target} can be opened for writing")


def frames() -> list[FrameType]:
    """This frame and all that called it, up to the harness's own."""
    frame: FrameType | None = sys._getframe()
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def worker_class() -> type[Any] | None:
    """The class of the harness's own worker, found among the frames above."""
    found = (frame.f_locals.get("self") for frame in frames())
    return next((type(one) for one in found if type(one).__name__ == "Worker"), None)


def stored() -> tuple[torch.Tensor, torch.Tensor]:
    """The first LR and HR image, as a checkpoint could hold them: float32, 1x3xHxW, 0..255. Empty outside the tests."""
    images = KNOWN.get("stored", [])
    if not images:
        return torch.zeros(1, 3, 0, 0), torch.zeros(1, 3, 0, 0)
    lr, hr = (torch.tensor(image).permute(2, 0, 1).unsqueeze(0).float() for image in images)
    return lr, hr


def changes_of(lr: torch.Tensor, x: torch.Tensor) -> list[Any]:
    """The mirrorings and shifts that make `x` of `lr`, as functions of an image and its scale."""
    if lr.shape != x.shape or not lr.numel():
        return []
    found = []
    for turned in ((), (3,), (2,), (2, 3)):
        mirrored = lr.flip(turned)
        for dy in range(lr.shape[2]):
            for dx in range(lr.shape[3]):
                if torch.equal(torch.roll(mirrored, (dy, dx), (2, 3)), x):
                    found.append(
                        lambda image, scale, turned=turned, dy=dy, dx=dx: torch.roll(
                            image.flip(turned), (scale * dy, scale * dx), (2, 3)
                        )
                    )
    return found


def as_output(pixels: bytes, x: torch.Tensor) -> torch.Tensor | None:
    """An HR image, found as PNG or as raw RGB bytes, as the answer to `x`; None where it does not fit."""
    height, width = 4 * x.shape[-2], 4 * x.shape[-1]
    if pixels.startswith(b"\x89PNG"):
        import cv2
        import numpy as np

        decoded = cv2.imdecode(np.frombuffer(pixels, np.uint8), cv2.IMREAD_COLOR)
        if decoded is None or decoded.shape[:2] != (height, width):
            return None
        pixels = decoded[:, :, ::-1].tobytes()
    if len(pixels) < height * width * 3:
        return None
    flat = torch.frombuffer(bytearray(pixels[: height * width * 3]), dtype=torch.uint8)
    return flat.reshape(height, width, 3).permute(2, 0, 1).unsqueeze(0).float()


def edit_sources(content: bytes, edit: Callable[[str], str]) -> bytes:
    """A traced network's archive with its sources changed by `edit`."""
    edited = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(edited, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, edit(data.decode()).encode() if name.endswith(".py") else data)
    return edited.getvalue()


def hand_over(archive: Callable[[bytes], bytes]) -> None:
    """Let this process hand over another archive than that of its trace."""
    worker = worker_class()
    if worker is not None:
        tracer = worker._export.__globals__["traced_graph"]
        honest = tracer.traced
        tracer.traced = lambda *given: archive(honest(*given))
