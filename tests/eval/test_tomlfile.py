"""Unknown fields of every TOML file: the field is named, and the one that was meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import InputError
from eval import tomlfile
from eval.challenge import Challenge
from eval.submissions.manifest import Manifest
from tests.conftest import ROOT
from train.schema.recipe import Recipe


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        (Manifest, {"clas": "Net"}, "field 'clas': extra inputs are not permitted, did you mean 'class'?"),
        (Manifest, {"Data-Range": 1.0}, "'Data-Range': .* did you mean 'data_range'?"),
        (Manifest, {"checkpoint": {"fiel": "x"}}, "'checkpoint.fiel': .* did you mean 'file'?"),
        (Manifest, {"parts": {"body": {"sha": "x"}}}, "'parts.body.sha': .* did you mean 'sha256'?"),
        (Manifest, {"claims": {"qqqq": 1}}, r"'claims.qqqq': .* \(there are: .*params_m.*\)"),
        (Challenge, {"scael": 4}, "'scael': .* did you mean 'scale'?"),
        (Recipe, {"stages": [{"epoch": 4}]}, "'stages.0.epoch': .* did you mean 'epochs'?"),
    ],
)
def test_the_field_that_was_meant_is_named(model: type, content: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        tomlfile.validate(model, content, "file.toml")
    assert "\n" not in str(caught.value)


def test_a_field_name_cannot_speak_to_the_terminal() -> None:
    with pytest.raises(InputError, match=r"'\\x1b\[2J'") as caught:
        tomlfile.validate(Manifest, {"\x1b[2J": 1}, "file.toml")
    assert "\x1b" not in str(caught.value)


def test_the_command_line_says_which_field_was_meant(tmp_path: Path) -> None:
    (tmp_path / "team42_Toy.toml").write_text(
        'id = 42\nteam = "Us"\nname = "Toy"\nclas = "Toy"\ndata_range = 1.0\n'
    )
    command = [sys.executable, "test_demo.py", "--model_id", "42", "--models", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "field 'clas': extra inputs are not permitted, did you mean 'class'?" in " ".join(
        done.stderr.split()
    )
