"""Whose a repository's files are: checkpoints, imports of imports, numbered names; and what nobody may see."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.adapters.ntire_repo import discover
from eval.adapters.own_files import Ownership

ENTRY = """
import utils.common
from models import shared

def select_model(args, device):
    if args.model_id == 1:
        from models.team01_First import First
        model_path = "model_zoo/team01.pth"
    elif args.model_id == 2:
        from models.team02 import network
        model_path = "model_zoo/second.pth"
    elif args.model_id == 3:
        import importlib
        module = importlib.import_module(f"models.team{args.model_id:02}_Dynamic")
        model_path = "model_zoo/team01.pth"
"""
FILES = {
    "test_demo.py": ENTRY,
    "README.md": "",
    "utils/common.py": "",
    "models/__init__.py": "",
    "models/shared.py": "",
    "models/team01_First.py": "from models import layers_of_first\nfrom .team02.parts import block\n",
    "models/layers_of_first.py": "import os\n",
    "models/team02/__init__.py": "",
    "models/team02/network.py": "from . import parts\n",
    "models/team02/parts.py": "from ..helpers_of_second import help",
    "models/team02/weights.json": "{}",
    "models/helpers_of_second.py": "",
    "models/team03_Dynamic.py": "",
    "models/team13_Unlisted.py": "",
    "models/__pycache__/team01_First.cpython-311.pyc": "",
    "model_zoo/team01.pth": "",
    "model_zoo/second.pth": "",
    "model_zoo/team03_extra.bin": "",
    "model_zoo/constants.npy": "",
    ".git/objects/pack": "",
    "results/results.json": "{}",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "repo"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def seen(repo: Path, model_id: int, hidden: tuple[Path, ...] = ()) -> set[str]:
    """Names of all files that submission `model_id` may read."""
    branches = discover((repo / "test_demo.py").read_text())
    (branch,) = (one for one in branches if one.model_id == model_id)
    shown = Ownership(repo, repo / "test_demo.py", branches).shown(branch, hidden)
    files = {
        file for path in shown for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    }
    return {str(file.relative_to(repo)) for file in files}


COMMON = {
    "test_demo.py", "README.md", "utils/common.py", "models/__init__.py", "models/shared.py", "results/results.json",
    "model_zoo/constants.npy", "models/team13_Unlisted.py",
}  # fmt: skip


def test_a_submission_sees_what_it_imports_directly_or_not_and_its_checkpoint(repo: Path) -> None:
    assert seen(repo, 1) == COMMON | {
        "models/team01_First.py", "models/layers_of_first.py", "model_zoo/team01.pth",
        "models/team02/__init__.py", "models/team02/parts.py", "models/helpers_of_second.py",
    }  # fmt: skip


def test_a_numbered_folder_is_its_teams_with_all_that_is_in_it(repo: Path) -> None:
    assert seen(repo, 2) == COMMON | {
        "models/team02/__init__.py", "models/team02/network.py", "models/team02/parts.py",
        "models/team02/weights.json", "models/helpers_of_second.py", "model_zoo/second.pth",
    }  # fmt: skip


def test_a_file_found_by_name_is_seen_and_a_checkpoint_may_be_shared(repo: Path) -> None:
    assert seen(repo, 3) == COMMON | {
        "models/team03_Dynamic.py", "model_zoo/team03_extra.bin", "model_zoo/team01.pth"
    }  # fmt: skip


def test_what_the_organiser_keeps_in_the_repository_is_hidden(repo: Path) -> None:
    assert "results/results.json" not in seen(repo, 1, (repo / "results",))


def test_links_show_nothing_hidden_or_outside(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("")
    (repo / "models" / "away.txt").symlink_to(tmp_path / "secret.txt")
    (repo / "models" / "rival.py").symlink_to(repo / "models" / "team03_Dynamic.py")
    (repo / "models" / "same.py").symlink_to(repo / "models" / "shared.py")
    names = seen(repo, 1)
    assert "models/same.py" in names and not {"models/away.txt", "models/rival.py"} & names


def test_a_file_that_cannot_be_parsed_imports_nothing(repo: Path) -> None:
    (repo / "models" / "team01_First.py").write_text("from models import (")
    assert "models/layers_of_first.py" in seen(repo, 2), "nobody's now"
    assert "models/team01_First.py" in seen(repo, 1)
