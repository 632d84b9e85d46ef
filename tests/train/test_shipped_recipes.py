"""Recipes in small and the page about the systems: they run, and they say whose numbers they have."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT
from train.__main__ import main
from train.saving import read_tensors
from train.schema.recipe import load

RECIPES = ROOT / "train" / "recipes"
PAGE = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")


def test_ehat_with_dual_attention_trains_from_where_the_plain_one_ended(photos: Path, tmp_path: Path) -> None:
    """The recipe in small as it is shipped, over a few steps: the gates that join at zero move."""
    recipe = RECIPES / "scaled" / "ehat_dual_attention.toml"
    places = ["--data", str(photos), "--out", str(tmp_path / "run"), "--workers", "0", "--accelerator", "cpu"]
    assert main([str(recipe), *places, "--scale-steps", "0.01"]) == 0
    state = read_tensors(tmp_path / "run" / "EHAT_dual_attention.pth")
    gates = [value for name, value in state.items() if name.endswith("_gate")]
    assert len(gates) == 2 and all(gate != 0 for gate in gates)
    plain = read_tensors(tmp_path / "run/stages/00_l1/last.pth")["params"]
    joined = {name for name in state if name.startswith("dual_attention.")}
    assert set(state) - set(plain) == joined and joined
    assert not torch.equal(state["conv_first.weight"], plain["conv_first.weight"])


def test_dual_attention_joins_as_nothing(photos: Path, tmp_path: Path) -> None:
    """With a rate of nearly 0 the second stage ends with the parameters that the first one had."""
    text = (RECIPES / "scaled" / "ehat_dual_attention.toml").read_text(encoding="utf-8")
    recipe = tmp_path / "still.toml"
    recipe.write_text(text.replace("lr = 2e-4", "lr = 1e-30").replace("lr_min = 1e-6", "lr_min = 0.0"))
    places = ["--data", str(photos), "--out", str(tmp_path / "run"), "--workers", "0", "--accelerator", "cpu"]
    assert main([str(recipe), *places, "--scale-steps", "0.005"]) == 0
    plain = read_tensors(tmp_path / "run/stages/00_l1/last.pth")["params"]
    state = read_tensors(tmp_path / "run" / "EHAT_dual_attention.pth")
    assert all(torch.equal(state[name], value) for name, value in plain.items())


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_page_has_a_table_for_every_system(recipe: Path) -> None:
    head = "\n".join(line for line in recipe.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
    assert "docs/systems.md" in head and "ours" in head.lower()
    assert f"`{recipe.name}`" in PAGE
    name = load(recipe).submission
    section = next(part for part in PAGE.split("\n## ") if part.startswith(f"{name} "))
    assert "| point | factsheet | released code | this project |" in section and "**ours**" in section


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("scaled/*.toml")), ids=lambda path: path.stem)
def test_a_small_recipe_says_that_its_numbers_are_ours(recipe: Path) -> None:
    head = recipe.read_text(encoding="utf-8").split("name =")[0].replace("\n# ", " ")
    assert "very number is ours" in head
    assert f"`scaled/{recipe.name}`" in PAGE


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("eern", "distillation in the first stage only"),
        ("eern", "the meaning of an epoch (one patch of each image)"),
        ("ehat", 'the factsheet\'s "10,800" is no count of it'),
        ("ehat", "the length of the last stage and its cosine"),
        ("ehat", "which the released code lacks"),
        ("slimrlfn", "floors and lengths too"),
        ("scaled/eern", "the factsheet's zero, added residually and folded"),
    ],
)
def test_what_is_whose(name: str, said: str) -> None:
    text = " ".join((RECIPES / f"{name}.toml").read_text(encoding="utf-8").replace("\n# ", " ").split())
    assert said in text
