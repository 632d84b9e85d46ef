"""14 HGD (team SYSU-SR): HAT-L, GRL-B and DAT, each with x8 self-ensemble, fused by closeness to their mean.

The three networks are spandrel's. This file holds their sizes, the layouts of their released checkpoints and the
fusion.
"""

from __future__ import annotations

from typing import Any

from spandrel.architectures.DAT import DAT
from spandrel.architectures.GRL import GRL
from spandrel.architectures.HAT import HAT

from models.ensemble import ModelEnsemble, fusion_rule, self_ensembled, unchanged

HAT_L: dict[str, Any] = {
    "upscale": 4,
    "window_size": 16,
    "embed_dim": 180,
    "depths": [6] * 12,
    "num_heads": [6] * 12,
    "mlp_ratio": 2,
}
GRL_B: dict[str, Any] = {
    "upscale": 4,
    "upsampler": "pixelshuffle",
    "embed_dim": 180,
    "depths": [4, 4, 8, 8, 8, 4, 4],
    "num_heads_window": [3] * 7,
    "num_heads_stripe": [3] * 7,
    "window_size": 32,
    "stripe_size": [64, 64],
    "stripe_groups": [None, None],
    "stripe_shift": True,
    "mlp_ratio": 2,
    "anchor_window_down_factor": 4,
    "local_connection": True,
}
DAT_BASE: dict[str, Any] = {
    "upscale": 4,
    "embed_dim": 180,
    "depth": [6] * 6,
    "num_heads": [6] * 6,
    "split_size": [8, 32],
    "expansion_factor": 4,
}


class ReleasedGRL(GRL):
    """spandrel's GRL that also takes the authors' checkpoints as they are.

    The keys of these checkpoints begin with `model.`. They also hold the position tables that GRL computes itself.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.register_load_state_dict_pre_hook(_own_layout)


def _own_layout(_: GRL, state_dict: dict[str, Any], prefix: str, *__: Any) -> None:
    for key in [key for key in state_dict if key.startswith(prefix)]:
        value = state_dict.pop(key)
        name = key.removeprefix(prefix).removeprefix("model.")
        if not name.startswith(("table_", "index_", "mask_")):
            state_dict[prefix + name] = value


class HGD(ModelEnsemble):
    """(N, 3, H, W) to (N, 3, 4H, 4W), values 0..1, float32; H and W at least 16.

    `hat`, `grl` and `dat` change arguments of spandrel's classes. These pad by themselves, HAT by reflection to
    multiples of its window. `fusion` is `mse1` as released, or `mse255` as the paper of the rule has it.
    `self_ensemble` runs each member as x8. See `ModelEnsemble` for `turns_below_mib`.
    """

    def __init__(
        self,
        *,
        hat: dict[str, Any] | None = None,
        grl: dict[str, Any] | None = None,
        dat: dict[str, Any] | None = None,
        fusion: str = "mse1",
        self_ensemble: bool = True,
        turns_below_mib: float = 0,
    ) -> None:
        super().__init__(
            {
                "hat": HAT(**HAT_L | (hat or {})),
                "grl": ReleasedGRL(**GRL_B | (grl or {})),
                "dat": DAT(**DAT_BASE | (dat or {})),
            },
            fusion_rule(fusion, data_range=1.0),
            run=self_ensembled if self_ensemble else unchanged,
            turns_below_mib=turns_below_mib,
        )
