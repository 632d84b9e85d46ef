"""Wrong uses of `python -m train`: each ends with status 2 and one line that says what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from train.__main__ import main

Refusal = Callable[..., str]


@pytest.fixture
def refusal(tiny: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Runs the small recipe, with more options, and gives the error's line, which must be the only one."""

    def run(*more: str, data: Path = photos, out: Path = tmp_path / "run") -> str:
        places = ["--data", str(data), "--out", str(out)]
        assert main([str(tiny), *places, "--workers", "0", "--accelerator", "cpu", *more]) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        head, _, error = said.rpartition("error: ")
        assert error.count("\n") == 1 and "error: " not in head, said
        return error.strip()

    return run


def change(recipe: Path, old: str, new: str) -> None:
    """Replace `old`, which must be there, once."""
    text = recipe.read_text(encoding="utf-8")
    assert old in text
    recipe.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_stage_alone_needs_those_before_it(
    tiny: Path, photos: Path, tmp_path: Path, refusal: Refusal
) -> None:
    """Whatever it starts from, also from scratch: the steps of a run's history are counted through."""
    change(tiny, 'distil = { network = "teacher", losses = [{ name = "charbonnier" }] }', 'start = "scratch"')
    out = tmp_path / "run"
    expected = f"--stage distil_2: stage teacher is not done in {out}; expected those before it done"
    assert expected in refusal("--stage", "distil_2")
    assert not out.exists()  # still free for a run without --stage
    arguments = ["--data", str(photos), "--out", str(out), "--workers", "0", "--accelerator", "cpu"]
    assert main([str(tiny), *arguments, "--stage", "teacher"]) == 0
    assert "--stage distil_2: stage distil_1 is not done" in refusal("--stage", "distil_2")
    assert main([str(tiny), *arguments, "--stage", "distil_1"]) == 0
