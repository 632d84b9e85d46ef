"""19 EHAT (team SKDADDYS): HAT with a learnable weight on every branch (branch skip attention).

HAT itself is spandrel's. This file adds the weights, the way they join the branches, and, as an option, the dual
attention that the factsheet names and the released code lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from spandrel.architectures.HAT import HAT
from spandrel.architectures.HAT.__arch.HAT import HAB, RHAG, window_partition, window_reverse
from torch import Tensor, nn

ADDED_VECTOR = "weight_0"
KEPT_VECTOR = "weight_1"
RELEASED = "__branchattentionmodule__."

INITIAL = {ADDED_VECTOR: 0.0, KEPT_VECTOR: 1.0}


def added() -> nn.Parameter:
    """The weight of a branch that HAT does not have: it starts at 0."""
    return nn.Parameter(torch.tensor(INITIAL[ADDED_VECTOR]))


def kept() -> nn.Parameter:
    """The weight of a branch that HAT has: it starts at 1."""
    return nn.Parameter(torch.tensor(INITIAL[KEPT_VECTOR]))


class BlockBranches(nn.Module):
    """The branches of one attention block."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution_skip = added()
        self.shortcut = kept()
        self.mlp_shortcut = kept()


class GroupBranches(nn.Module):
    """The branches of one group of `depth` blocks. `after_block` weighs the sum before the overlapping attention."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.group_input = added()
        self.blocks = nn.ModuleList(BlockBranches() for _ in range(depth))
        self.after_block = nn.ParameterList(added() for _ in range(depth))
        self.long_skip = kept()


class Branches(nn.Module):
    """All branches. `after_group` and `stack_input` weigh the sum before the last norm."""

    def __init__(self, depths: list[int]) -> None:
        super().__init__()
        self.stack_input = added()
        self.groups = nn.ModuleList(GroupBranches(depth) for depth in depths)
        self.after_group = nn.ParameterList(added() for _ in depths)
        self.global_skip = kept()


def execution_order(depths: list[int]) -> dict[str, list[str]]:
    """For each released vector, the names below `branches.` in the order in which one forward pass uses them."""
    order: dict[str, list[str]] = {ADDED_VECTOR: [], KEPT_VECTOR: []}
    for vector, name in _walk(depths):
        order[vector].append(name)
    return order


def _walk(depths: list[int]) -> Iterator[tuple[str, str]]:
    yield ADDED_VECTOR, "stack_input"
    for i, depth in enumerate(depths):
        group = f"groups.{i}"
        yield ADDED_VECTOR, f"{group}.group_input"
        for j in range(depth):
            block = f"{group}.blocks.{j}"
            yield ADDED_VECTOR, f"{block}.convolution_skip"
            yield KEPT_VECTOR, f"{block}.shortcut"
            yield KEPT_VECTOR, f"{block}.mlp_shortcut"
            yield ADDED_VECTOR, f"{group}.after_block.{j}"
        yield KEPT_VECTOR, f"{group}.long_skip"
        yield ADDED_VECTOR, f"after_group.{i}"
    yield KEPT_VECTOR, "global_skip"


class PositionAttention(nn.Module):
    """Position attention of DANet: every pixel gathers from all pixels, by the likeness of their features.

    Float (N, C, H, W) in and out. Time grows with (H*W)^2. `ROWS` pixels gather at a time, so memory grows with H*W.
    """

    ROWS = 1024

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        reduced = max(channels // reduction, 1)
        self.query = nn.Conv2d(channels, reduced, 1)
        self.key = nn.Conv2d(channels, reduced, 1)
        self.value = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, value = (layer(x).flatten(2).transpose(1, 2) for layer in (self.query, self.value))
        key = self.key(x).flatten(2)
        gathered = [torch.softmax(rows @ key, 2) @ value for rows in query.split(self.ROWS, 1)]
        return torch.cat(gathered, 1).transpose(1, 2).reshape(x.shape)


def channel_attention(x: Tensor) -> Tensor:
    """Channel attention of DANet: every channel gathers from all channels; it has no parameters.

    Float (N, C, H, W) in and out. As in DANet, the weights are the softmax of the largest product of a channel with
    any channel, less its product with each.
    """
    rows = x.flatten(2)
    products = rows @ rows.transpose(1, 2)
    weights = torch.softmax(products.amax(2, keepdim=True) - products, 2)
    return (weights @ rows).reshape(x.shape)


class DualAttention(nn.Module):
    """Position and channel attention in parallel (DANet, Fu et al., CVPR 2019), each behind a gate.

    Float (N, C, H, W) in and out. The gates start at 0, with which the output is exactly the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.position = PositionAttention(channels)
        self.position_gate = nn.Parameter(torch.zeros(()))
        self.channel_gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.position_gate * self.position(x) + self.channel_gate * channel_attention(x)


class EHAT(HAT):
    """EHAT: (N, 3, H, W) to (N, 3, H*upscale, W*upscale), values 0..1, float32; defaults are HAT-L's for x4.

    H and W are reflect-padded to multiples of the window. `dual_attention` adds `DualAttention` to the deep
    features, which the released code does not have. `load_state_dict` takes three layouts: this class's own, the
    team's (two vectors indexed in order of execution), and a plain HAT's. What a checkpoint lacks takes its initial
    value, with which the output is exactly that of the checkpoint's own network.
    """

    def __init__(
        self,
        *,
        depths: list[int] | None = None,
        num_heads: list[int] | None = None,
        dual_attention: bool = False,
        **config: Any,
    ) -> None:
        depths = [6] * 12 if depths is None else list(depths)
        size = {"upscale": 4, "window_size": 16, "embed_dim": 180, "mlp_ratio": 2} | config
        super().__init__(depths=depths, num_heads=num_heads or [6] * len(depths), **size)
        self.branches = Branches(depths)
        self.dual_attention = DualAttention(size["embed_dim"]) if dual_attention else nn.Identity()
        self._order = execution_order(depths)
        self.register_load_state_dict_pre_hook(_own_layout)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2] * self.upscale, x.shape[-1] * self.upscale
        mean = self.mean.to(x)
        shallow = self.conv_first(self.check_image_size((x - mean) * self.img_range))
        features = self.dual_attention(self.forward_features(shallow))
        deep = self.conv_after_body(features) + self.branches.global_skip * shallow
        out = self.conv_last(self.upsample(self.conv_before_upsample(deep)))
        return (out / self.img_range + mean)[:, :, :height, :width]

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, dim, H, W) to the same shape, H and W multiples of the window."""
        x_size = (x.shape[2], x.shape[3])
        mask = self.calculate_mask(x_size, dtype=x.dtype).to(x.device)
        tokens = self.patch_embed(x)
        x = self.pos_drop(tokens + self.absolute_pos_embed if self.ape else tokens)
        side_sum = self.branches.stack_input * x
        for group, branches, weight in zip(
            self.layers, self.branches.groups, self.branches.after_group, strict=True
        ):
            x = self._group(group, cast(GroupBranches, branches), x, x_size, mask)
            side_sum = side_sum + weight * x
        return self.patch_unembed(self.norm(x + side_sum), x_size)

    def _group(
        self, group: RHAG, branches: GroupBranches, x: Tensor, x_size: tuple[int, int], mask: Tensor
    ) -> Tensor:
        shortcut = x
        side_sum = branches.group_input * x
        blocks = group.residual_group.blocks
        for block, weights, weight in zip(blocks, branches.blocks, branches.after_block, strict=True):
            x = self._block(block, cast(BlockBranches, weights), x, x_size, mask)
            side_sum = side_sum + weight * x
        x = group.residual_group.overlap_attn(x + side_sum, x_size, self.relative_position_index_OCA)
        x = group.patch_embed(group.conv(group.patch_unembed(x, x_size)))
        return x + branches.long_skip * shortcut

    def _block(
        self, block: HAB, branches: BlockBranches, x: Tensor, x_size: tuple[int, int], mask: Tensor
    ) -> Tensor:
        image = block.norm1(x).view(x.shape[0], *x_size, -1)
        planes = image.permute(0, 3, 1, 2)
        channel = block.conv_block(planes) + branches.convolution_skip * planes
        channel = channel.permute(0, 2, 3, 1).reshape(x.shape)
        window = self._window_attention(block, image, mask).reshape(x.shape)
        x = branches.shortcut * x + block.drop_path(window) + channel * block.conv_scale
        return branches.mlp_shortcut * x + block.drop_path(block.mlp(block.norm2(x)))

    def _window_attention(self, block: HAB, image: Tensor, mask: Tensor) -> Tensor:
        """Self-attention in (every second time shifted) windows: (N, H, W, dim) to the same shape."""
        height, width, dim = image.shape[1:]
        side, shift = block.window_size, block.shift_size
        if shift:
            image = image.roll((-shift, -shift), dims=(1, 2))
        windows = window_partition(image, side).view(-1, side * side, dim)
        windows = block.attn(windows, rpi=self.relative_position_index_SA, mask=mask if shift else None)
        image = window_reverse(windows.view(-1, side, side, dim), side, height, width)
        return image.roll((shift, shift), dims=(1, 2)) if shift else image


def _own_layout(module: EHAT, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Bring the team's layout or a plain HAT's to this class's own, in place.

    Raises ValueError for a vector with too few weights. Entries beyond those that a forward pass uses are dropped:
    the team's vectors have HAT-L's length whatever the network's depth.
    """
    if not any(key.startswith(f"{prefix}branches.") for key in state_dict):
        _name_branches(module, state_dict, prefix)
    if not any(key.startswith(f"{prefix}dual_attention.") for key in state_dict):
        for name, value in module.dual_attention.state_dict(prefix=f"{prefix}dual_attention.").items():
            state_dict[name] = torch.zeros_like(value) if name.endswith("_gate") else value.clone()


def _name_branches(module: EHAT, state_dict: dict[str, Any], prefix: str) -> None:
    for vector, names in module._order.items():
        weights = state_dict.pop(f"{prefix}{RELEASED}{vector}", None)
        if weights is None:
            weights = torch.full((len(names),), INITIAL[vector])
        elif len(weights) < len(names):
            raise ValueError(f"{vector} holds {len(weights)} branch weights, this EHAT uses {len(names)}")
        for name, weight in zip(names, weights, strict=False):
            state_dict[f"{prefix}branches.{name}"] = weight
