"""Records hold the digest of every SR image, and older ones without it are still read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data.images import pixel_sha256, read_rgb
from eval import cli
from eval.records import store
from tests.eval import toy

OLD = Path(__file__).parent / "data" / "measured"


def record_of(arguments: list[str], folder: Path) -> dict[str, str | None]:
    """The digests by image that one run of the main command leaves."""
    assert cli.main(lambda *_: None, [*arguments, "--save_dir", str(folder), "--device", "cpu"]) == 0
    return {image.name: image.sr_sha256 for image in store.read_all(folder)[-1].modes["valid"].images}


@pytest.mark.parametrize("protocol", ["ntire", "robust"])
def test_a_record_has_the_digests_of_the_images_that_were_kept(
    protocol: str, tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "team42_Net.py").write_text(toy.NETWORK)
    (models / "team42_Net.toml").write_text(f"{toy.MANIFEST}\n[checkpoint]\nfile = 'team42.pth'\n")
    torch.save({"gain": torch.ones(1)}, models / "team42.pth")
    pairs = ["--pairs", *map(str, tiny_pairs)]
    chosen = ["--models", str(models), "--model_id", "42", "--save_images", "--protocol", protocol]
    found = record_of([*chosen, *pairs], tmp_path / "out")
    kept = tmp_path / "out" / "images" / "42_Net" / "valid"
    assert found == {path.stem: pixel_sha256(read_rgb(path)) for path in sorted(kept.glob("*.png"))}
    assert len(found) == 3

    handed_in = record_of(["--images", str(kept), "--hr", str(tiny_pairs[0])], tmp_path / "images")
    assert handed_in == found


def test_older_records_have_no_digests() -> None:
    for record in store.read_all(OLD):
        assert all(image.sr_sha256 is None for mode in record.modes.values() for image in mode.images)


def test_a_digest_tells_pixels_and_shapes_apart() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    changed = image.copy()
    changed[3, 3, 2] += 1
    assert len({pixel_sha256(one) for one in (image, changed, image.reshape(2, 8, 3), image[:, ::-1])}) == 4
    assert pixel_sha256(np.asfortranarray(image)) == pixel_sha256(image)
