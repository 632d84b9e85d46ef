"""Toy NTIRE repositories: each branch is a few lines of Python, its behaviour the point of a test."""

from __future__ import annotations

import textwrap
from pathlib import Path

# A submission of its own, `models/team42_Net.py` and its manifest.
NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return nn.functional.interpolate(x, scale_factor=4) * self.gain
"""
MANIFEST = """
id = 42
team = "Toys"
name = "Net"
class = "Net"
data_range = 255.0
"""

HEADER = '''
import os
import torch
from torch import nn


class Repeat(nn.Module):
    """Nearest neighbour x4 behind a convolution that changes nothing."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.conv.weight.data.copy_(torch.eye(3).reshape(3, 3, 1, 1))

    def forward(self, x):
        return nn.functional.interpolate(self.conv(x), scale_factor=4)


def select_model(args, device):
    model_id = args.model_id
'''
FOOTER = """
    else:
        raise NotImplementedError(f"Model {model_id} is not implemented.")
    return model.eval().to(device), name, 255.0, None
"""


def write_repo(folder: Path, branches: dict[int, str], before: str = "") -> Path:
    """A repository whose `select_model` has `branches`: code that sets `model` and `name`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_zoo").mkdir(exist_ok=True)
    lines = [textwrap.dedent(before), HEADER]
    for index, (model_id, code) in enumerate(branches.items()):
        lines.append(f"    {'if' if index == 0 else 'elif'} model_id == {model_id}:\n")
        lines.append(textwrap.indent(textwrap.dedent(code).strip() + "\n", " " * 8))
    (folder / "test_demo.py").write_text("".join(lines) + FOOTER)
    return folder


def honest(name: str = "Repeat") -> str:
    return f'name = f"{{model_id:02}}_{name}"\nmodel = Repeat()\n'


def forward(body: str, name: str = "Toy") -> str:
    """A branch whose model is Repeat with `body` as forward(self, x)."""
    indented = textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
    return f"""name = f"{{model_id:02}}_{name}"
class Toy(Repeat):
    def forward(self, x):
{indented}
model = Toy()
"""
