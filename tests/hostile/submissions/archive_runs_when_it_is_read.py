# @expected: ok with flag: complexity not confirmed
# @protocol: robust
# @default: yes
"""Hands over an archive with a method that runs while it is read, before anybody counts."""

import io

import torch
from models.base import Repeat, hand_over


class Restored(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.eye(3).repeat_interleave(16, dim=0)

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        self.weight = torch.matmul(state[0], torch.eye(3))
        self.training = state[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.pixel_shuffle(torch.conv2d(x, self.weight.reshape(48, 3, 1, 1)), 4)


def archive(_honest):
    content = io.BytesIO()
    torch.jit.save(torch.jit.script(Restored()), content)
    return content.getvalue()


def make():
    hand_over(archive)
    return Repeat()
