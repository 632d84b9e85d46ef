"""What is read from a script without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.validation.source_checks import SOURCE_CHECKS, Sources
from eval.validation.source_code import SourceFile, is_installed, is_shared, judges_packages

TEXT = '''"""Use .cuda() and "cuda" as you like in a docstring."""
import torch
try:
    import mamba_ssm_of_nobody
except ImportError:
    mamba_ssm_of_nobody = None

class Block(torch.nn.Module):
    def forward(self, x):
        return x

class Net(torch.nn.Module):
    def __init__(self):
        self.blocks = [Block()]
    def forward(self, x):
        return x

class Unused:
    pass

def make_net():
    return Net()

if __name__ == "__main__":
    import subprocess
    torch.save(Net().cuda().state_dict(), "net.pth")
    open("log", "w")
'''


def source(folder: Path, text: str = TEXT) -> SourceFile:
    (folder / "net.py").write_text(text)
    return SourceFile.read(folder / "net.py")


def test_the_network_is_the_class_that_no_other_class_uses(tmp_path: Path) -> None:
    assert source(tmp_path).classes() == ["Block", "Net"]


@pytest.mark.parametrize(
    ("name", "is_there"), [("Net", True), ("make_net", True), ("torch", True), ("Nett", False)]
)
def test_what_a_script_defines(tmp_path: Path, name: str, is_there: bool) -> None:
    assert source(tmp_path).defines(name) is is_there


def test_a_star_may_define_anything(tmp_path: Path) -> None:
    assert source(tmp_path, "from torch import *\n").defines("Net")


def test_what_runs_only_as_a_program_and_docstrings_do_not_count(tmp_path: Path) -> None:
    source(tmp_path)
    found = {look.name: look.item(Sources((tmp_path / "net.py",), "Net")) for look in SOURCE_CHECKS}
    assert {name: item.verdict for name, item in found.items() if item.verdict != "ok"} == {
        "packages": "warning"
    }
    assert "mamba_ssm_of_nobody at net.py:4" in found["packages"].reason  # its absence is caught


def test_modules_of_the_judge() -> None:
    assert {"torch", "cv2", "PIL", "skimage", "timm", "einops"} <= judges_packages()
    assert is_shared("models.blocks") and is_shared("models") and not is_shared("models.team25_EERN")
    assert is_installed("torch") and not is_installed("leaderboard")  # the project itself is no package
