"""What the files of a new submission say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

NETWORK_SCRIPT = '''"""{id} {name}: bicubic enlargement, and what a small network adds to it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class {name}(nn.Module):
    """{name} for x4: (N, 3, H, W) to (N, 3, 4H, 4W), values 0..1, float32.

    The last convolution starts at zero, so an untrained network is bicubic enlargement.
    """

    def __init__(self, channels: int = 16, blocks: int = 2, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())
                for _ in range(blocks)
            )
        )
        self.tail = nn.Conv2d(channels, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        detail = self.shuffle(self.tail(self.body(shallow) + shallow))
        return F.interpolate(x, scale_factor=self.scale, mode="bicubic", align_corners=False) + detail
'''
LIBRARY_SCRIPT = '''"""{id} {name}: {class_} as spandrel has it, with the arguments that the manifest states."""

from __future__ import annotations

from {module} import {class_} as Architecture


class {name}(Architecture):
    """{name} for x4: (N, 3, H, W) to (N, 3, 4H, 4W), values 0..1, float32."""
'''
TEST_SCRIPT = '''"""{id} {name} passes the checks of the judge at home."""

from __future__ import annotations

from pathlib import Path

from eval.validate import main

MANIFEST = Path(__file__).resolve().parents[2] / "models" / "{stem}.toml"


def test_it_validates() -> None:
    assert main([str(MANIFEST), "--device", "cpu"]) == 0
'''


def manifest_text(fields: Mapping[str, Any]) -> str:
    """TOML of fields; tables come last, fields that are None are left out.

    >>> print(manifest_text({"id": 42, "args": {"depths": [6, 6]}, "name": "Net"}), end="")
    id = 42
    name = "Net"
    <BLANKLINE>
    [args]
    depths = [6, 6]
    """
    plain = {name: value for name, value in fields.items() if not isinstance(value, Mapping)}
    lines = [f"{name} = {_value(value)}" for name, value in plain.items() if value is not None]
    for name, table in fields.items():
        if isinstance(table, Mapping) and table:
            lines += ["", f"[{name}]"]
            lines += [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """A value as TOML, whose texts, numbers and lists are written as JSON writes them."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
