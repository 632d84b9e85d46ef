"""Tiles against the whole image and against the challenge's rule written out pixel by pixel."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.tiling import pad_to_multiple, padded, tile_starts, tiled


def nearest(x: Tensor) -> Tensor:
    """x4 by repetition: sees one pixel, so tiles change nothing."""
    return F.interpolate(x, scale_factor=4.0, mode="nearest")


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A small convolutional x4 model that sees 2 pixels to each side."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 48, 3, padding=1), nn.PixelShuffle(4))
    return nn.Sequential(*layers).requires_grad_(False)


@pytest.mark.parametrize("length, tile, overlap", [(100, 40, 8), (64, 64, 32), (65, 64, 32), (41, 17, 16)])
def test_starts_cover_every_pixel_and_end_flush(length: int, tile: int, overlap: int) -> None:
    starts = tile_starts(length, tile, overlap)
    covered = {pixel for start in starts for pixel in range(start, start + tile)}
    assert covered == set(range(length))
    assert starts[0] == 0 and starts[-1] == length - tile


@pytest.mark.parametrize("size", [(50, 70), (33, 90), (24, 24), (7, 30)])
@pytest.mark.parametrize("tile, overlap", [(24, 8), (48, 32), (256, 32)])
def test_tiles_change_nothing_for_a_pointwise_model(size: tuple[int, int], tile: int, overlap: int) -> None:
    x = torch.rand(2, 3, *size)
    torch.testing.assert_close(tiled(nearest, tile, overlap)(x), nearest(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("height, width, tile, overlap", [(61, 83, 40, 16), (100, 45, 36, 20)])
def test_tiles_follow_the_rule_of_the_challenge(
    network: nn.Module, height: int, width: int, tile: int, overlap: int
) -> None:
    x = torch.rand(1, 3, height, width)
    total = torch.zeros(1, 3, height * 4, width * 4)
    count = torch.zeros(1, 1, height * 4, width * 4)
    ys = sorted({*range(0, height - tile, tile - overlap), height - tile})
    xs = sorted({*range(0, width - tile, tile - overlap), width - tile})
    for y in ys:
        for left in xs:
            out = network(x[:, :, y : y + tile, left : left + tile])
            total[:, :, 4 * y : 4 * (y + tile), 4 * left : 4 * (left + tile)] += out
            count[:, :, 4 * y : 4 * (y + tile), 4 * left : 4 * (left + tile)] += 1
    assert torch.equal(tiled(network, tile, overlap)(x), total / count)


def test_tiled_equals_untiled_away_from_seams(network: nn.Module) -> None:
    x = torch.rand(1, 3, 64, 96)
    whole, parts = network(x), tiled(network, 48, 32)(x)
    seams_y = [edge for start in tile_starts(64, 48, 32) for edge in (start, start + 48) if 0 < edge < 64]
    seams_x = [edge for start in tile_starts(96, 48, 32) for edge in (start, start + 48) if 0 < edge < 96]
    far_y = [y for y in range(64) if all(y < seam - 2 or y >= seam + 2 for seam in seams_y)]
    far_x = [x for x in range(96) if all(x < seam - 2 or x >= seam + 2 for seam in seams_x)]
    rows = torch.tensor([4 * y + i for y in far_y for i in range(4)])
    columns = torch.tensor([4 * c + i for c in far_x for i in range(4)])
    away = (..., rows[:, None], columns[None, :])
    torch.testing.assert_close(parts[away], whole[away], rtol=0, atol=1e-6)
    assert (parts - whole).abs().max() > 1e-3  # near a seam tiles do differ: the test above sees something


def test_no_tile_is_larger_than_stated(network: nn.Module) -> None:
    seen: list[tuple[int, ...]] = []

    def spy(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape[-2:]))
        return network(x)

    tiled(spy, 32, 8)(torch.rand(1, 3, 70, 100))
    assert set(seen) == {(32, 32)} and len(seen) == 12


@pytest.mark.parametrize("scale", [2, 3])
def test_other_scales(scale: int) -> None:
    def up(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=float(scale), mode="nearest")

    x = torch.rand(1, 3, 40, 52)
    torch.testing.assert_close(tiled(up, 24, 8, scale)(x), up(x))


@pytest.mark.parametrize(
    "tile, overlap, problem",
    [(32, 32, "overlap is 32 pixels: it must be smaller than the tile"), (0, 0, "tile must be positive")],
)
def test_tiles_that_cannot_cover_are_refused(tile: int, overlap: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        tiled(nearest, tile, overlap)


def test_output_of_the_wrong_size_is_named() -> None:
    with pytest.raises(ValueError, match="gave 32x32 pixels for a 32x32 tile, x4 needs 128x128"):
        tiled(lambda x: x, 32, 8)(torch.rand(1, 3, 40, 40))


def test_padding_reflects_at_the_far_borders_and_is_cropped_again() -> None:
    x = torch.rand(1, 3, 13, 21)
    wide = pad_to_multiple(x, 16)
    assert wide.shape[-2:] == (16, 32)
    assert torch.equal(wide[..., :13, :21], x)
    assert torch.equal(wide[..., 13, :21], x[..., 11, :])
    assert torch.equal(padded(nearest, 16)(x), nearest(x))


def test_padding_leaves_fitting_images_alone() -> None:
    x = torch.rand(1, 3, 16, 32)
    assert pad_to_multiple(x, 16) is x


def test_image_too_small_to_be_padded_is_named() -> None:
    with pytest.raises(ValueError, match="a 20x8 image is too small to be padded to a multiple of 16"):
        pad_to_multiple(torch.rand(1, 3, 8, 20), 16)
