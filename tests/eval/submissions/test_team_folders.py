"""Teams without a branch of `select_model`: found by their folders, by the challenge's convention."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import InputError
from eval.protocol.job import FolderProgramSource
from eval.submissions.repository.discover import from_repository
from eval.submissions.repository.team_folders import without_branch

ENTRY = """
def select_model(args, device):
    if args.model_id == 0:
        from models.team00_Base import main
        name, model_path = "00_Base", "model_zoo/team00.pth"
    return main, model_path, name
"""
MAIN = "def main(model_dir, input_path, output_path, device=None):\n    {}\n"
LOADS, JOINS = MAIN.format("torch.load(model_dir)"), MAIN.format("os.path.join(model_dir, 'a.pth')")


def write(repo: Path, files: dict[str, str]) -> Path:
    for name, text in {"test.py": ENTRY, "models/team00_Base/io.py": LOADS, **files}.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    return repo


@pytest.mark.parametrize(
    ("files", "module"),
    [
        ({"io.py": LOADS, "model.py": LOADS}, "models.team06_VAI-GM.io"),
        ({"main.py": LOADS, "io.py": "def main(input_path): pass"}, "models.team06_VAI-GM.main"),
        ({"__init__.py": LOADS, "io.py": LOADS}, "models.team06_VAI-GM"),
        ({"team06_net.py": LOADS, "other.py": "def main(): pass"}, "models.team06_VAI-GM.team06_net"),
        (
            {"run.py": "def main(*, device, **rest): pass", "broken.py": "def main(:"},
            "models.team06_VAI-GM.run",
        ),
    ],
)
def test_the_module_with_the_function_is_found(tmp_path: Path, files: dict[str, str], module: str) -> None:
    write(tmp_path, {f"models/team06_VAI-GM/{name}": text for name, text in files.items()})
    (found,) = without_branch(tmp_path, {0})
    assert (found.model_id, found.name, found.problem) == (6, "06_VAI-GM", "")
    assert found.program is not None and found.program[0] == module


@pytest.mark.parametrize(
    ("files", "source", "model_dir"),
    [
        (["team06_A/w.pth"], LOADS, "model_zoo/team06_A/w.pth"),
        (["team06_A/w.pth"], JOINS, "model_zoo/team06_A"),
        (["team06_A/w.pth", "team06_A/v.ckpt"], LOADS, "model_zoo/team06_A"),
        (["team06_other/w.pth", "team06_other/readme.txt"], LOADS, "model_zoo/team06_other/w.pth"),
        (["team06_a.pth"], LOADS, "model_zoo/team06_a.pth"),
        (["team06_A/link.txt"], LOADS, "model_zoo/team06_A"),
        (["team061_A/w.pth"], LOADS, "model_zoo/team06_A"),
        ([], LOADS, "model_zoo/team06_A"),
    ],
)
def test_what_the_function_is_given(tmp_path: Path, files: list[str], source: str, model_dir: str) -> None:
    write(tmp_path, {"models/team06_A/io.py": source, **{f"model_zoo/{name}": "w" for name in files}})
    (found,) = without_branch(tmp_path, {0})
    assert found.program == ("models.team06_A.io", model_dir)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            ["team01_A/net.py"],
            r"models/team01_A/: no branch of select_model, and no file with a function main\(model_",
        ),
        (
            ["team01_A/io_a.py", "team01_A/io_b.py"],
            r"2 files with a function main\(.*\) \(io_a.py, io_b.py\)",
        ),
        (["team01_A/io.py", "team1_B/io.py"], "models/team01_A/ and models/team1_B/: both have number 1"),
    ],
)
def test_a_team_that_cannot_be_called_says_why(tmp_path: Path, files: list[str], problem: str) -> None:
    sources = {f"models/{name}": "x = 1" if name.endswith("net.py") else LOADS for name in files}
    found = from_repository(write(tmp_path, sources), None)
    assert [one.model for one in found] == ["00_Base", "01_A"]
    with pytest.raises(InputError, match=problem):
        raise InputError(found[1].problem)


def test_a_branch_comes_before_a_folder_and_no_other_folder_is_a_team(tmp_path: Path) -> None:
    files = {
        f"models/{name}/io.py": LOADS
        for name in ("team00_Other", "team_7_Net", "team8", "utils", "myteam9_X")
    }
    write(tmp_path, files)
    found = from_repository(tmp_path, ["7", "007", "0"])
    assert [one.model for one in found] == ["07_Net", "07_Net", "00_Base"]
    sources = [one.source for one in found]
    assert all(isinstance(source, FolderProgramSource) for source in sources)
    assert [source.module for source in sources if isinstance(source, FolderProgramSource)] == [
        "models.team_7_Net.io",
        "models.team_7_Net.io",
        "",
    ]
    with pytest.raises(InputError, match=r"--model_id 8: not in .* \(there are: 0, 7\)"):
        from_repository(tmp_path, ["8"])


def test_a_folder_belongs_to_its_team_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"models/team06_A/io.py": LOADS, "models/team07_B/io.py": LOADS, "model_zoo/team07_B/w.pth": "w"},
    )
    _, six, seven = from_repository(tmp_path, None)
    assert not any("team07_B" in str(path) for path in six.visible)
    assert any("team07_B" in str(path) for path in seven.visible)
    assert seven.info.checkpoint is not None and seven.info.checkpoint.file == "w.pth"
