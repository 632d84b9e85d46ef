"""Files of a shared repository that would stand before what an honest submission means."""

from __future__ import annotations

import importlib.util
import json
import py_compile
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.eval import toy

# Imports as the worker of a repository does, then names the file that each module came from.
SCRIPT = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
from eval.worker.adapters import repository_path
sys.path.pop(0)
repository_path.show_repository(sys.argv[2])
sys.path += sys.argv[4:]
found = {}
for name in sys.argv[3].split():
    try:
        module = importlib.import_module(name)
        found[name] = getattr(module, "WHOSE", getattr(module, "__file__", None))
    except ImportError as error:
        found[name] = "ImportError"
print(json.dumps(found))
"""
RIVAL = "WHOSE = 'rival'\n"


def imported(repo: Path, names: str, *more_path: str) -> dict[str, Any]:
    command = [sys.executable, "-I", "-B", "-c", SCRIPT, str(ROOT), str(repo), names, *more_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=repo)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize("more_path", [[], ["."], ["REPO"]])
def test_what_is_installed_stands_before_the_root(tmp_path: Path, more_path: list[str]) -> None:
    """Also if a team adds the root to the path once more, at any place and under any name."""
    write(tmp_path, {"colorsys.py": RIVAL, "markupsafe.py": RIVAL, "einops_free/__init__.py": RIVAL})
    write(tmp_path, {"colorsys/__init__.py": RIVAL})
    more = [str(tmp_path) if one == "REPO" else one for one in more_path]
    found = imported(tmp_path, "colorsys markupsafe einops_free", *more)
    assert found["colorsys"].endswith("/colorsys.py") and not found["colorsys"].startswith(str(tmp_path))
    assert "site-packages" in found["markupsafe"]
    assert found["einops_free"] == "rival", "what nobody has installed is the repository's"


@pytest.mark.parametrize("with_init", [False, True])
def test_the_folders_of_the_challenge_stand_before_files_of_their_names(
    tmp_path: Path, with_init: bool
) -> None:
    own = {"models/net.py": "WHOSE = 'own'\n", "utils/tools.py": "WHOSE = 'own'\n"}
    write(tmp_path, own | {"models.py": RIVAL, "utils.py": RIVAL})
    if with_init:
        write(tmp_path, {"models/__init__.py": "", "utils/__init__.py": ""})
    assert imported(tmp_path, "models.net utils.tools") == {"models.net": "own", "utils.tools": "own"}


def test_source_stands_before_compiled_and_cached_copies(tmp_path: Path) -> None:
    write(tmp_path, {"models/net.py": "WHOSE = 'own'\n", "models/net.abi3.so": "no library"})
    rival = write(tmp_path, {"rival.py": RIVAL}) / "rival.py"
    cached = importlib.util.cache_from_source(str(tmp_path / "models" / "net.py"))
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(rival), cached, invalidation_mode=unchecked)
    assert imported(tmp_path, "models.net") == {"models.net": "own"}


def test_a_script_may_have_a_folder_of_its_name_beside_it(tmp_path: Path) -> None:
    """As some official teams do: Python takes the script, and so does the harness."""
    write(tmp_path, {"models/team05_x.py": "WHOSE = 'script'\n", "models/team05_x/part.py": ""})
    assert imported(tmp_path, "models.team05_x") == {"models.team05_x": "script"}


def test_a_teams_own_folder_may_hold_its_own_copy(tmp_path: Path) -> None:
    write(tmp_path, {"models/team05/markupsafe.py": "WHOSE = 'team 5'\n"})
    own = imported(tmp_path, "models.team05.markupsafe", str(tmp_path / "models" / "team05"))
    assert own == {"models.team05.markupsafe": "team 5"}


HONEST = """
        import colorsys
        import markupsafe
        assert colorsys.rgb_to_hsv(1, 0, 0) == (0, 1, 1) and markupsafe.escape("<") == "&lt;"
        name = "01_honest"
        model = Repeat()
"""


def test_a_rivals_files_change_no_number_of_an_honest_submission(
    tmp_path: Path, tiny_pairs: tuple[Path, Path]
) -> None:
    """The whole way: a repository with such files, the command line, and the figures that a user reads."""
    figures = []
    for name, files in (("alone", {}), ("beside", dict.fromkeys(("colorsys.py", "markupsafe.py"), RIVAL))):
        repo = write(toy.write_repo(tmp_path / name, {1: HONEST}), files)
        arguments = ["--repo", str(repo), "--model_id", "1", "--pairs", *map(str, tiny_pairs)]
        save_dir = tmp_path / f"{name}_results"
        command = [sys.executable, "test_demo.py", *arguments, "--save_dir", str(save_dir), "--device", "cpu"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
        results = json.loads((save_dir / "results.json").read_text())["01_honest"]
        assert results["status"] == "ok", results["error"]
        figures.append((results["valid_psnr"], results["num_parameters"], results["flops"]))
    assert figures[0] == figures[1]
