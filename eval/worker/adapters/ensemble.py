"""Worker half of ensembles: x8 of any loaded submission, and native submissions fused on the same image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from eval.worker.adapters import native
from eval.worker.adapters.loaded import Loaded
from models.ensemble import ModelEnsemble, fusion_rule, self_ensembled, unchanged

RANGE = 1.0


class SelfEnsemble(torch.nn.Module):
    """x8 of a loaded submission's network, so that its complexity is that of all eight passes."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model
        self._run = self_ensembled(model)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._run(x)


def self_ensemble(loaded: Loaded) -> Loaded:
    """`loaded` with x8 around its whole forward pass, padding and tiles included."""
    return replace(loaded, model=SelfEnsemble(loaded.model), forward=self_ensembled(loaded.forward))


class Member(torch.nn.Module):
    """A loaded submission on values in 0..1, clamped as its own output would be."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        self.model = loaded.model
        self._forward = loaded.forward
        self._data_range = loaded.data_range

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self._forward(x * self._data_range)
        return out.clamp(0, self._data_range) / self._data_range


def load(source: dict[str, Any], device: torch.device, scale: int) -> Loaded:
    """Load each of `source["members"]` (name to what `native.load` takes) and fuse by `source["fusion"]`.

    Raises LoadError, which names the checkpoint at fault.
    """
    members = {
        f"member_{name}": Member(native.load(member, device, scale))
        for name, member in source["members"].items()
    }
    model = ModelEnsemble(
        members,
        fusion_rule(source["fusion"], data_range=RANGE),
        run=self_ensembled if source["member_self_ensemble"] else unchanged,
        turns_below_mib=source["turns_below_mib"],
    )
    return Loaded(model.eval(), model, RANGE)
