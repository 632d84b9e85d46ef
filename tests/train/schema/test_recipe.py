"""Recipes: the shipped ones hold the factsheets' numbers; wrong ones are named; small ones keep their structure."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from data.errors import InputError
from train.losses import LOSSES
from train.schema.fields import LOSS_OPTIONS
from train.schema.recipe import Recipe, load
from train.schema.scaling import scaled

RECIPES = Path(__file__).resolve().parents[3] / "train" / "recipes"


def _recipe(name: str) -> Recipe:
    return load(RECIPES / f"{name}.toml")


def test_all_shipped_recipes_load() -> None:
    assert sorted(path.stem for path in RECIPES.glob("*.toml")) == ["eern", "ehat", "hgd", "msn", "slimrlfn"]
    for path in RECIPES.rglob("*.toml"):
        load(path)


def test_numbers_of_eern() -> None:
    stages = {stage.name: stage for stage in _recipe("eern").stages}
    assert [(stages[name].epochs, stages[name].optimizer.lr) for name in ("l1", "psnr", "finetune")] == [
        (400, 1e-4),
        (300, 1e-5),
        (1000, 1e-5),
    ]
    assert {stage.schedule.lr_min for stage in stages.values()} == {5e-7}
    assert stages["psnr"].data == ("DIV2K", "LSDIR:0001000-0010000")
    assert stages["l1"].distil is not None and stages["finetune"].joins == {"finetune": "zeros"}


def test_numbers_of_slimrlfn() -> None:
    recipe = _recipe("slimrlfn")
    assert recipe.networks["teacher"].args == {"channels": 196, "inner": 196, "blocks": 6}
    unrolled = [(stage.name, stage.hr_patch, stage.optimizer.lr) for stage in recipe.unrolled()]
    assert unrolled == [
        ("teacher", 256, 1e-3),
        ("distil", 256, 1e-3),
        ("alone_1", 256, 1e-3),
        ("alone_2", 256, 1e-3),
        *[(f"patch384_{number}", 384, 5e-4) for number in (1, 2, 3)],
        *[(f"patch512_{number}", 512, 2.5e-4) for number in (1, 2, 3)],
        ("l2", 640, 1e-4),
        ("prune", 640, 1e-4),
    ]
    assert {stage.batch for stage in recipe.stages} == {64}


def test_numbers_of_msn_hgd_and_ehat() -> None:
    msn = _recipe("msn").stages
    assert [(s.steps, s.hr_patch, s.batch, s.optimizer.lr, s.schedule.at) for s in msn] == [
        (400_000, 384, 64, 2e-3, (100_000,)),
        (400_000, 480, 64, 5e-5, (100_000,)),
    ]
    hgd = _recipe("hgd").stages
    assert [(s.steps, s.hr_patch // 4, s.batch, s.optimizer.lr) for s in hgd] == [
        (125_000, 64, 32, 1e-5),
        (60_000, 128, 16, 5e-6),
    ]
    assert [(loss.name, loss.weight) for loss in hgd[0].losses] == [("l1", 1), ("gradient_weighted", 3)]
    ehat = _recipe("ehat").stages
    assert [(s.steps, s.batch, s.optimizer.lr, s.optimizer.betas) for s in ehat] == [
        (500, 2, 1e-5, (0.9, 0.99)),
        (500, 2, 1e-8, (0.9, 0.99)),
        (500, 2, 1e-5, (0.9, 0.99)),
    ]
    assert ehat[1].pick == "best" and ehat[2].losses[0].name == "l2"


def test_epochs_become_steps_by_the_number_of_images() -> None:
    stage = _recipe("eern").stages[1]
    assert stage.total_steps(images=800) == 400 * 800 // 16
    assert stage.total_steps(images=1) == 25


def test_small_recipe_keeps_every_stage_and_the_order_of_sizes() -> None:
    recipe = _recipe("slimrlfn")
    small = scaled(recipe, 1e-5, 1 / 32, 1 / 3)
    assert [stage.name for stage in small.unrolled()] == [stage.name for stage in recipe.unrolled()]
    assert all(stage.batch == 2 for stage in small.stages)
    patches = [stage.hr_patch for stage in small.stages]
    assert patches == sorted(patches) and len(set(patches)) == 4
    assert all(patch % 4 == 0 for patch in patches)
    prune = small.stages[-1]
    assert prune.prune is not None and prune.total_steps(40) == prune.prune.events + 1


def test_scaling_multiplies_steps_and_milestones() -> None:
    small = scaled(_recipe("msn"), 0.01, 1.0, 1.0)
    assert [(stage.steps, stage.schedule.at) for stage in small.stages] == [(4000, (1000,))] * 2
    assert small.stages[0].batch == 64 and small.stages[0].hr_patch == 384


def test_fewer_patches_per_step_do_not_lengthen_epochs() -> None:
    whole = _recipe("eern").stages[1]
    small = scaled(_recipe("eern"), 0.1, 0.5, 1.0).stages[1]
    assert small.total_steps(800) == whole.total_steps(800) // 10


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'name = "tiny"',
            'name = "tiny"\ncolour = 3',
            "field 'colour': unknown, expected one of name, submission, ",
        ),
        ("steps = 4\n", "", "field 'stages.teacher': give either 'epochs' or 'steps'"),
        (
            'name = "charbonnier" }]\nopt',
            'name = "huber" }]\nopt',
            "field 'stages.teacher.losses.0.name': should be 'l1', ",
        ),
        ("hr_patch = 72", "hr_patch = 73", "stages.prune.hr_patch: 73 is no multiple of the scale"),
        ('network = "teacher"\ndata', 'network = "tutor"\ndata', "stages.teacher.network: unknown 'tutor'"),
        ('tiny = "prune"', 'tiny = "pruned"', "results.tiny: unknown 'pruned', expected one of"),
        ("final = [2]", "final = [2, 2]", "'final' has 2 widths for 1 chains"),
        ('name = "tiny"', 'name = "tiny', "not valid TOML"),
        (
            '{ name = "l1" }, {',
            '{ name = "l1", options = { eps = 1e-3 } }, {',
            "field 'stages.distil.losses.0': l1 has no option 'eps', expected none",
        ),
        (
            '"charbonnier" }]\nopt',
            '"charbonnier", options = { alpha = 4 } }]\nopt',
            "charbonnier has no option 'alpha', expected eps",
        ),
        (
            "lr = 1e-3 }",
            "lr = 1e-3, betas = [0.9, 1.5] }",
            "field 'stages.teacher.optimizer.betas.1': should be less than 1, found 1.5",
        ),
        (
            'RLFN"\ndata_range = 255.0',
            'RLFN"',
            "field 'networks.teacher': 'class' needs 'data_range'",
        ),
        ("data_range = 255.0", "data_range = 7", "'data_range' must be 1.0 or 255.0"),
        (
            'without = ["conv"]',
            'without = ["convs"]',
            "stages.prune.without: unknown 'convs', expected one of conv",
        ),
        (
            "fold = true",
            'fold = true\nwarm_start = { file = "hat_l", network = "hat" }',
            "stages.prune.warm_start.network: unknown 'hat', expected one of student, teacher",
        ),
    ],
)
def test_wrong_recipes_are_named(tiny: Path, old: str, new: str, message: str) -> None:
    text = tiny.read_text(encoding="utf-8")
    assert old in text
    tiny.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(tiny)
    assert str(tiny) in str(caught.value) and message in str(caught.value)


def test_a_loss_has_the_options_that_a_recipe_may_give() -> None:
    for name, loss in LOSSES.items():
        parameters = inspect.signature(loss).parameters.values()
        assert LOSS_OPTIONS[name] == {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
    assert LOSS_OPTIONS.keys() == LOSSES.keys()


def test_factors_outside_0_to_1_are_refused() -> None:
    with pytest.raises(InputError, match=r"--scale-steps 2: expected a factor over 0 and at most 1"):
        scaled(_recipe("msn"), 2, 1, 1)


def test_the_documented_recipe_is_one(tmp_path: Path) -> None:
    page = (RECIPES.parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    path = tmp_path / "mynet.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert load(path).networks["mynet"].args == {"channels": 32, "inner": 32}
