"""docs/training.md names every option of the commands that it shows."""

from __future__ import annotations

import argparse
import re

import pytest

from data import pack
from tests.conftest import ROOT
from train.__main__ import parser

PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def test_help_has_a_default_for_every_option_that_has_one() -> None:
    free = {"--help", "--data", "--out", "--resume"}  # required, or off unless given
    for action in parser()._actions:
        if action.option_strings and action.option_strings[-1] not in free:
            assert "default: " in (action.help or ""), action.option_strings


@pytest.mark.parametrize("command", [parser(), pack.parser()], ids=lambda command: command.prog)
def test_every_option_is_named(command: argparse.ArgumentParser) -> None:
    options = [action.option_strings[-1] for action in command._actions if action.option_strings]
    assert "--data" in options
    unnamed = [option for option in options if not re.search(rf"{option}(?![\w-])", PAGE)]
    assert unnamed == ["--help"]
