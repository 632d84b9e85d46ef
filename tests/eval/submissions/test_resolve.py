"""Checkpoints in parts, ensembles of submissions and x8: HGD and EHAT end to end with small random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from data.errors import InputError
from eval import cli
from eval.submissions.catalogue import find_manifest
from eval.submissions.manifest import read_manifest
from eval.submissions.resolve import from_manifest, with_self_ensemble
from leaderboard.summary import summarise
from models.team14_HGD import HGD
from models.team19_EHAT import ADDED_VECTOR, EHAT, KEPT_VECTOR, RELEASED, execution_order
from tests.conftest import ROOT
from tests.models.test_team14_hgd import SMALL

Pairs = tuple[Path, Path]

WINDOWED: dict[str, Any] = {"embed_dim": 12, "depths": [1], "num_heads": [2], "window_size": 8}
HAT_ARGS: dict[str, Any] = {**WINDOWED, "squeeze_factor": 6}
HGD_ARGS: dict[str, Any] = {**SMALL, "hat": HAT_ARGS}

CONVOLUTION = """
from torch import nn


class Convolution(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 48, 3, padding=1), nn.PixelShuffle(4))
"""


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def manifest(folder: Path, number: int, name: str, **fields: Any) -> Path:
    lines = [f"id = {number}", 'team = "Us"', f'name = "{name}"']
    lines += [f"{key.rstrip('_')} = {toml(value)}" for key, value in fields.items()]
    path = folder / f"team{number:02}_{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of manifests: small HGD and EHAT by the project's own scripts, and convolutions."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("team14_HGD", "team19_EHAT"):
        shutil.copy(ROOT / "models" / f"{name}.py", folder)
    parts = {
        name: {"file": f"{name}.pth", "key": "params", "source": f"{name} of its authors"}
        for name in HGD_ARGS
    }
    manifest(folder, 14, "HGD", class_="HGD", data_range=1.0, args=HGD_ARGS, parts=parts)
    manifest(folder, 19, "EHAT", class_="EHAT", data_range=1.0, args=HAT_ARGS, checkpoint={"file": "x.pth"})
    (folder / "team01_Conv.py").write_text(CONVOLUTION)
    for number, extra in ((1, {}), (2, {"tile": 12, "tile_overlap": 8})):
        manifest(
            folder, number, "Conv", class_="Convolution", data_range=255.0, script="team01_Conv.py", **extra,
            checkpoint={"file": f"conv{number}.pth", "source": "nowhere"},
        )  # fmt: skip
    manifest(folder, 3, "Both", data_range=1.0, ensemble={"members": ["1", "2"], "fusion": "mse255"})
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the layouts in which the authors release them."""
    folder = tmp_path_factory.mktemp("zoo")
    torch.manual_seed(0)
    network = HGD(**HGD_ARGS)
    for name in HGD_ARGS:
        state = network.get_submodule(name).state_dict()
        prefix = "model." if name == "grl" else ""
        torch.save({"params": {prefix + key: value for key, value in state.items()}}, folder / f"{name}.pth")
    state = EHAT(**HAT_ARGS).state_dict()
    for vector, names in execution_order(HAT_ARGS["depths"]).items():
        for name in names:
            del state[f"branches.{name}"]
        state[RELEASED + vector] = {
            ADDED_VECTOR: 0.1 * torch.randn(169),
            KEPT_VECTOR: 1 + 0.1 * torch.randn(157),
        }[vector]
    torch.save(state, folder / "ehat.pth")
    layers = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1), nn.PixelShuffle(4))
    torch.save(layers.state_dict(), folder / "conv.pth")
    return folder


@pytest.fixture(scope="module")
def crop(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """One pair with an LR image of 64x64."""
    folder = tmp_path_factory.mktemp("crop")
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8), (0, 0), 3)
    for name, content in (("HR/a", image), ("LR/ax4", cv2.resize(image, (64, 64)))):
        path = folder / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), content)
    return folder / "HR", folder / "LR"


def judge(
    models: Path, ids: list[str], weights: Path, pairs: Pairs, save_dir: Path, *more: object
) -> dict[str, Any]:
    arguments = [
        "--models", models, "--model_id", *ids, "--checkpoint", weights, "--pairs", *pairs,
        "--save_dir", save_dir, "--device", "cpu", "--protocol", "ntire", "--save_images", "--challenge", "imagesr2024",
        *more,
    ]  # fmt: skip
    status = cli.main(summarise, [str(argument) for argument in arguments])
    content: dict[str, Any] = json.loads((save_dir / "results.json").read_text())
    assert status == 0, [entry["error"] for entry in content.values()]
    return content


def image(save_dir: Path, model: str) -> np.ndarray[Any, np.dtype[np.int16]]:
    read = cv2.imread(str(save_dir / "images" / model / "valid" / "a.png"))
    assert read is not None
    return read.astype(np.int16)


def test_hgd_runs_from_three_files_with_x8(models: Path, weights: Path, crop: Pairs, tmp_path: Path) -> None:
    entry = judge(models, ["14"], weights, crop, tmp_path)["14_HGD"]
    network = HGD(**HGD_ARGS)
    assert entry["num_parameters"] * 1e6 == pytest.approx(sum(p.numel() for p in network.parameters()))
    assert [Path(file).name for file in entry["checkpoint"]["file"].split(", ")] == [
        "hat.pth",
        "grl.pth",
        "dat.pth",
    ]
    # the same weights, put together here
    for name in HGD_ARGS:
        state = torch.load(weights / f"{name}.pth", weights_only=True)["params"]
        network.get_submodule(name).load_state_dict(state, strict=True)
    lr = cv2.imread(str(crop[1] / "ax4.png"))
    assert lr is not None
    tensor = torch.from_numpy(lr[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        out = network.eval()(tensor)[0].clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy()[:, :, ::-1]
    assert np.abs(out - image(tmp_path, "14_HGD")).max() <= 1


def test_ehat_runs_from_the_released_layout_with_x8(
    models: Path, weights: Path, crop: Pairs, tmp_path: Path
) -> None:
    content = judge(models, ["19"], weights / "ehat.pth", crop, tmp_path, "--self_ensemble")
    assert content["19_EHAT_x8"]["status"] == "ok"


def test_tiled_and_untiled_agree_on_a_convolution(
    models: Path, weights: Path, crop: Pairs, tmp_path: Path
) -> None:
    judge(models, ["1"], weights / "conv.pth", crop, tmp_path / "whole")
    judge(models, ["2"], weights / "conv.pth", crop, tmp_path / "tiles")
    whole, tiles = image(tmp_path / "whole", "01_Conv"), image(tmp_path / "tiles", "02_Conv")
    # tiles of 12 start every 4 pixels; a 3x3 convolution sees 1 pixel, so away from their edges nothing differs
    inner = np.zeros((64, 64), bool)
    free = [y for y in range(64) if all(abs(y + 0.5 - edge) > 1 for edge in range(4, 64, 4))]
    inner[np.ix_(free, free)] = True
    assert inner.sum() > 500
    away = inner.repeat(4, 0).repeat(4, 1)
    assert np.abs(whole - tiles)[away].max() <= 1
    assert np.abs(whole - tiles).mean() < 40


def test_an_ensemble_fuses_its_members(models: Path, weights: Path, crop: Pairs, tmp_path: Path) -> None:
    judge(models, ["1", "3"], weights / "conv.pth", crop, tmp_path)
    one, both = image(tmp_path, "01_Conv"), image(tmp_path, "03_Both")
    assert one.shape == both.shape == (256, 256, 3)
    tiles = judge(models, ["2"], weights / "conv.pth", crop, tmp_path)
    assert set(tiles) == {"01_Conv", "02_Conv", "03_Both"}
    low, high = np.minimum(one, image(tmp_path, "02_Conv")), np.maximum(one, image(tmp_path, "02_Conv"))
    assert ((both >= low - 1) & (both <= high + 1)).all()


def test_a_missing_part_says_which_file_goes_where(models: Path, weights: Path, tmp_path: Path) -> None:
    shutil.copy(weights / "hat.pth", tmp_path)
    one = from_manifest(find_manifest("14", models), str(tmp_path), folder=models)
    assert one.problem == (
        f"checkpoint {tmp_path}/grl.pth (part 'grl'): no such file; save grl of its authors under this name; "
        f"checkpoint {tmp_path}/dat.pth (part 'dat'): no such file; save dat of its authors under this name"
    )


def test_the_projects_own_parts_name_their_authors() -> None:
    manifest_14 = read_manifest(find_manifest("14"))
    assert {name: part.source.split()[0] for name, part in manifest_14.parts.items()} == {
        "hat": "HAT-L_SRx4_ImageNet-pretrain.pth",
        "grl": "sr_grl_base_c3x4.ckpt",
        "dat": "DAT_x4.pth",
    }
    one = from_manifest(find_manifest("14"))
    if one.problem:
        assert "model_zoo/team14_HGD_hat.pth (part 'hat'): no such file; save HAT-L_SRx4" in one.problem


def test_wrong_weights_of_a_part_are_named(models: Path, weights: Path, crop: Pairs, tmp_path: Path) -> None:
    zoo = tmp_path / "zoo"
    shutil.copytree(weights, zoo)
    shutil.copy(zoo / "dat.pth", zoo / "hat.pth")
    arguments = ["--models", models, "--model_id", "14", "--checkpoint", zoo, "--pairs", *crop]
    arguments += ["--save_dir", tmp_path / "out", "--device", "cpu", "--protocol", "ntire"]
    assert cli.main(summarise, [str(argument) for argument in arguments]) == 1
    error = json.loads((tmp_path / "out" / "results.json").read_text())["14_HGD"]["error"]
    assert "checkpoint hat.pth does not fit the model; missing: relative_position_index_SA" in error


def test_an_ensemble_with_a_missing_member_checkpoint_names_the_member(models: Path, tmp_path: Path) -> None:
    one = from_manifest(find_manifest("3", models), str(tmp_path / "none.pth"), folder=models)
    assert "member 1: checkpoint" in one.problem and "member 2: checkpoint" in one.problem


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give either 'class' .* or 'ensemble'"),
        ({"class_": "A", "ensemble": {"members": ["1"]}}, "give either 'class' .* or 'ensemble'"),
        ({"ensemble": {"members": []}}, "field 'ensemble.members'"),
        (
            {"ensemble": {"members": ["1"], "fusion": "best"}},
            "field 'ensemble.fusion': input should be 'mean'",
        ),
        (
            {"class_": "A", "checkpoint": {"file": "a.pth"}, "parts": {"b": {"file": "b.pth"}}},
            "give either 'checkpoint' .* or 'parts'",
        ),
    ],
)
def test_a_manifest_of_two_minds_is_refused(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_manifest(manifest(tmp_path, 50, "X", data_range=1.0, **fields))


def test_an_ensemble_of_ensembles_is_refused(models: Path, tmp_path: Path) -> None:
    for path in models.iterdir():
        shutil.copy(path, tmp_path)
    path = manifest(tmp_path, 4, "More", data_range=1.0, ensemble={"members": ["1", "3"]})
    with pytest.raises(InputError, match=r"field 'ensemble\.members': 3 is an ensemble itself"):
        from_manifest(path, folder=tmp_path)


def test_self_ensemble_has_its_own_name_and_job() -> None:
    one = from_manifest(find_manifest("25"))
    x8 = with_self_ensemble(one)
    assert x8.model == "25_EERN_x8" and x8.source.self_ensemble and not one.source.self_ensemble


@pytest.fixture(scope="module")
def in_tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own manifests of 14 and 19, with tiles of 48 and an overlap of 32."""
    folder = tmp_path_factory.mktemp("tiles")
    for name in ("team14_HGD", "team19_EHAT"):
        shutil.copy(ROOT / "models" / f"{name}.py", folder)
        declared = (ROOT / "models" / f"{name}.toml").read_text()
        (folder / f"{name}.toml").write_text(f"tile = 48\ntile_overlap = 32\n{declared}")
    return folder


def random_weights(model_id: str, folder: Path) -> Path:
    """Random weights under the names and keys that the manifest asks for; what --checkpoint takes."""
    torch.manual_seed(0)
    declared = read_manifest(find_manifest(model_id))
    network = {"14": HGD, "19": EHAT}[model_id]()
    for name, entry in declared.authors.items():
        state = network.get_submodule(name).state_dict() if name else network.state_dict()
        torch.save({entry.key: state}, folder / entry.file)
    files = [folder / entry.file for entry in declared.authors.values()]
    return folder if len(files) > 1 else files[0]


@pytest.mark.slow
@pytest.mark.parametrize("model_id", ["14", "19"])
@pytest.mark.parametrize("tiles", ["whole", "tiled"])
def test_full_size_runs_on_a_64x64_crop(
    model_id: str, tiles: str, crop: Pairs, in_tiles: Path, tmp_path: Path
) -> None:
    """The sizes and manifests that are judged, x8 on, the image whole and in four tiles."""
    folder = in_tiles if tiles == "tiled" else ROOT / "models"
    more = ["--timeout", 5000, *(["--self_ensemble"] if model_id == "19" else [])]
    content = judge(folder, [model_id], random_weights(model_id, tmp_path), crop, tmp_path / "out", *more)
    (entry,) = content.values()
    expected = {"14": 40_846_575 + 20_201_299 + 14_802_051, "19": 40_846_901}[model_id]
    assert entry["num_parameters"] * 1e6 == pytest.approx(expected)
