"""A wrong recipe is told in one short line that names the field, what was found and what was probably meant."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from data.errors import InputError
from data.text import did_you_mean
from eval.tomlfile import read_toml
from tests.conftest import ROOT
from train.schema.messages import MOST_PROBLEMS, problems
from train.schema.recipe import Recipe, load


def message(recipe: Path, old: str, new: str) -> str:
    """What `load` says of the recipe with `old` replaced by `new`, less the path."""
    text = recipe.read_text(encoding="utf-8")
    assert old in text
    recipe.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(recipe)
    return str(caught.value).removeprefix(f"{recipe}: ")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "hr_patch = 64",
            "hr_patc = 64",
            "field 'stages.teacher.hr_patc': unknown; did you mean 'hr_patch'?",
        ),
        (
            "lr = 1e-3 }",
            "lr = 1e-3, beta = [0.9, 0.99] }",
            "field 'stages.teacher.optimizer.beta': unknown; did you mean 'betas'?",
        ),
        ("args = {", "arg = {", "field 'networks.teacher.arg': unknown; did you mean 'args'?"),
        (
            "max_drop_db",
            "max_drop",
            "field 'stages.prune.prune.max_drop': unknown; did you mean 'max_drop_db'?",
        ),
        (
            'name = "halving"',
            'name = "halfing"',
            "field 'stages.teacher.schedule.name': should be 'constant', 'cosine' or 'halving', "
            "found 'halfing'; did you mean 'halving'?",
        ),
        (
            "models.team00_RLFN:RLFN",
            "models/team00_RLFN.py",
            "field 'networks.teacher.class': should be written as 'module:Name', found 'models/team00_RLFN.py'",
        ),
        ("epochs = 2", "epochs = 0", "field 'stages.distil.epochs': should be greater than 0, found 0"),
        ("batch = 2\n", "", "field 'stages.teacher.batch': missing"),
        (
            'tiny = "prune"',
            'tiny = "prun"',
            "results.tiny: unknown 'prun', expected one of distil, prune, teacher; did you mean 'prune'?",
        ),
    ],
)
def test_one_problem_is_one_phrase(tiny: Path, old: str, new: str, expected: str) -> None:
    assert message(tiny, old, new) == expected


def test_a_misspelt_table_is_not_reported_as_missing_too(tiny: Path) -> None:
    assert message(tiny, "results =", "result =") == "field 'result': unknown; did you mean 'results'?"


def test_many_problems_are_counted(tiny: Path) -> None:
    found = message(tiny, 'name = "tiny"', "\n".join(['name = "tiny"', *(f"q{i} = 1" for i in range(9))]))
    assert found.count("unknown") == MOST_PROBLEMS and found.endswith(f"; and {9 - MOST_PROBLEMS} more")


def test_a_name_with_control_characters_is_escaped(tiny: Path) -> None:
    assert "field '\\x1b[2J': unknown" in message(tiny, 'name = "tiny"', 'name = "tiny"\n"\\u001b[2J" = 1')


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("stages", 3, "field 'stages': should be a list, found 3"),
        ("stages", ["l1"], "field 'stages.0': should be a table, found 'l1'"),
        ("networks", [1], "field 'networks': should be a table, found a list"),
        ("results", {}, "field 'results': should hold at least one item, found an empty table"),
    ],
)
def test_kinds_are_told_in_the_words_of_toml(tiny: Path, field: str, value: object, expected: str) -> None:
    content = read_toml(tiny) | {field: value}
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate(content)
    assert expected in problems(caught.value, Recipe, content)


def test_random_damage_is_told_in_one_short_line(tiny: Path) -> None:
    """Values replaced, removed and renamed all over the recipe, also with control characters."""
    rng, whole, told = random.Random(0), read_toml(tiny), 0
    for _ in range(500):
        content = damaged(whole, rng)
        try:
            Recipe.model_validate(content)
        except ValidationError as error:
            line, told = problems(error, Recipe, content), told + 1
            assert line and line.isprintable() and len(line) < 2000
    assert told > 300


def damaged(whole: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    content = copy.deepcopy(whole)
    for _ in range(rng.randint(1, 3)):
        table = rng.choice(list(tables(content)))
        key = rng.choice(list(table))
        if rng.random() < 0.5:
            table[key] = rng.choice([3, -1, "x", [], {}, [1, "a"], True, float("nan"), "é\x1b" * 50])
        else:
            table[f"{key}{rng.choice(['x', chr(27)])}"] = table.pop(key)
    return content


def tables(value: Any) -> Iterator[dict[str, Any]]:
    """Every table in `value` that is not empty."""
    if isinstance(value, dict) and value:
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from tables(one)


def test_far_names_are_not_suggested() -> None:
    assert did_you_mean("colour", ["lr", "batch"]) == ""


def test_the_command_line_says_it_in_one_line(tiny: Path, tmp_path: Path) -> None:
    text = tiny.read_text(encoding="utf-8").replace("batch = 2", "bach = 2", 1)
    tiny.write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "train",
        str(tiny),
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"error: {tiny}: field 'stages.teacher.bach': unknown; did you mean 'batch'?\n"
