# @expected: ok with flag: complexity not confirmed
# @protocol: robust
"""Hands over an archive that works in another thread, in which nobody watches operators."""

import io

import torch
from models.base import Repeat, hand_over


def up(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.pixel_shuffle(torch.conv2d(x, weight), 4)


class Forks(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.eye(3).repeat_interleave(16, dim=0).reshape(48, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.jit.wait(torch.jit.fork(up, x, self.weight))


def archive(_honest):
    content = io.BytesIO()
    torch.jit.save(torch.jit.script(Forks()), content)
    return content.getvalue()


def make():
    hand_over(archive)
    return Repeat()
