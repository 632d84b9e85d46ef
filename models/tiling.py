"""Tile inference with overlap, and padding to a multiple, around any super-resolution model."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from models.ensemble import Forward

DEFAULT_OVERLAP = 32


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """The starts of tiles of `tile` pixels along `length` pixels: every `tile - overlap`, the last one flush.

    `tile` must not exceed `length`, and `overlap` must be below `tile`.

    >>> tile_starts(100, 48, 16)
    [0, 32, 52]
    """
    return [*range(0, length - tile, tile - overlap), length - tile]


def tiled(forward: Forward, tile: int, overlap: int = DEFAULT_OVERLAP, scale: int = 4) -> Forward:
    """`forward` computed in square tiles whose overlapping outputs are averaged with equal weights.

    Maps float (N, C, H, W) to (N, C', H*scale, W*scale) in any range, as `forward` does. This is the challenge's own
    rule: the tile side is the smallest of `tile`, H and W, in input pixels, and neighbours overlap by `overlap`. If
    an image is so small that its tile does not exceed the overlap, the rule does not cover it; the overlap is then
    half the tile. Pixels that are farther from each seam than the model sees are the same as without tiles.

    Raises ValueError for a tile and overlap that cannot cover an image. The returned function raises it for output
    of the wrong size.
    """
    if tile < 1 or overlap < 0:
        raise ValueError(f"tile is {tile} and overlap {overlap}: tile must be positive, overlap at least 0")
    if overlap >= tile:
        raise ValueError(
            f"tile overlap is {overlap} pixels: it must be smaller than the tile ({tile} pixels)"
        )

    def run(x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        side = min(tile, height, width)
        inner = overlap if overlap < side else side // 2
        starts = [(y, x0) for y in tile_starts(height, side, inner) for x0 in tile_starts(width, side, inner)]
        outputs = (forward(x[..., y : y + side, x0 : x0 + side]) for y, x0 in starts)
        first = _checked(next(outputs), side, scale)
        total = first.new_zeros(*first.shape[:2], height * scale, width * scale)
        count = total.new_zeros(total.shape[-2:])
        _add(total, count, first, starts[0], scale)
        for out, start in zip(outputs, starts[1:], strict=True):
            _add(total, count, _checked(out, side, scale), start, scale)
        return total.div_(count)

    return run


def _add(total: Tensor, count: Tensor, out: Tensor, start: tuple[int, int], scale: int) -> None:
    top, left = start[0] * scale, start[1] * scale
    rows, columns = slice(top, top + out.shape[-2]), slice(left, left + out.shape[-1])
    total[..., rows, columns] += out
    count[rows, columns] += 1


def _checked(out: Tensor, side: int, scale: int) -> Tensor:
    if out.shape[-2:] != (side * scale, side * scale):
        raise ValueError(
            f"the model gave {out.shape[-1]}x{out.shape[-2]} pixels for a {side}x{side} tile, "
            f"x{scale} needs {side * scale}x{side * scale}"
        )
    return out


def padded(forward: Forward, multiple: int, scale: int = 4) -> Forward:
    """`forward` on input padded by `pad_to_multiple`, with its output cropped to the input's size times `scale`.

    Maps float (N, C, H, W) to (N, C', H*scale, W*scale) in any range.
    """

    def run(x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return forward(pad_to_multiple(x, multiple))[..., : height * scale, : width * scale]

    return run


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Float `x` (N, C, H, W) in any range, reflected at the right and lower border to multiples of `multiple`.

    Raises ValueError if an image is too small to be reflected that far.
    """
    height, width = x.shape[-2:]
    down, right = -height % multiple, -width % multiple
    if down >= height or right >= width:
        raise ValueError(
            f"a {width}x{height} image is too small to be padded to a multiple of {multiple} by reflection"
        )
    return F.pad(x, (0, right, 0, down), mode="reflect") if down or right else x
