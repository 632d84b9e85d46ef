"""Loads ensembles: x8 of any submission, and native submissions fused on the same image."""

from __future__ import annotations

from dataclasses import replace

import torch

from eval.protocol.job import EnsembleSource
from eval.worker.adapters import native
from eval.worker.adapters.loaded_model import LoadedModel, Setting, Whole
from models.ensemble import ModelEnsemble, fusion_rule, self_ensembled, unchanged

RANGE = 1.0


def self_ensemble(loaded: LoadedModel) -> LoadedModel:
    """`loaded` with x8 around its whole forward pass, padding and tiles included; all eight passes are counted."""
    model = Whole(loaded.model, self_ensembled(loaded.model))
    return replace(loaded, model=model, forward=self_ensembled(loaded.forward))


class Member(torch.nn.Module):
    """A loaded submission on values in 0..1, clamped as its own output would be."""

    def __init__(self, loaded: LoadedModel) -> None:
        super().__init__()
        self.model = loaded.model
        self._forward = loaded.forward
        self._data_range = loaded.data_range

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self._forward(x * self._data_range)
        return out.clamp(0, self._data_range) / self._data_range


def load(source: EnsembleSource, setting: Setting) -> LoadedModel:
    """Load each member and fuse them. Raises LoadError, which names the checkpoint at fault."""
    loaded = {name: native.load(member, setting) for name, member in source.members.items()}
    model = ModelEnsemble(
        {f"member_{name}": Member(one) for name, one in loaded.items()},
        fusion_rule(source.fusion, data_range=RANGE),
        run=self_ensembled if source.member_self_ensemble else unchanged,
        turns_below_mib=source.turns_below_mib,
    )
    notes = tuple(f"member {name}: {note}" for name, one in loaded.items() for note in one.notes)
    return LoadedModel(model.eval(), model, RANGE, notes=notes)
