"""Whose a repository's files are: checkpoints, imports of imports, numbered names; and what nobody may see."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.submissions.repository.ownership import Ownership, RepositoryShare
from eval.submissions.repository.select_model import discover
from tests.eval.test_files import nested

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
    write(folder, FILES)
    return folder


def share(repo: Path, model_id: int, hidden: tuple[Path, ...] = ()) -> RepositoryShare:
    branches = discover((repo / "test_demo.py").read_text())
    (branch,) = (one for one in branches if one.model_id == model_id)
    return Ownership(repo, repo / "test_demo.py", branches).share(branch, hidden)


def seen(repo: Path, model_id: int, hidden: tuple[Path, ...] = ()) -> set[str]:
    """Names of all files that submission `model_id` may read."""
    shown = share(repo, model_id, hidden).visible
    files = {
        file for path in shown for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    }
    return {str(file.relative_to(repo)) for file in files}


def write(repo: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)


COMMON = {
    "test_demo.py", "README.md", "utils/common.py", "models/__init__.py", "models/shared.py", "results/results.json",
    "model_zoo/constants.npy", "models/team13_Unlisted.py",
}  # fmt: skip


def test_a_submission_sees_what_it_imports_directly_or_not_and_its_checkpoint(repo: Path) -> None:
    assert seen(repo, 1) == COMMON | {
        "models/team01_First.py", "models/layers_of_first.py", "model_zoo/team01.pth"
    }  # fmt: skip


def test_a_numbered_folder_is_its_teams_with_all_that_is_in_it(repo: Path) -> None:
    assert seen(repo, 2) == COMMON | {
        "models/team02/__init__.py", "models/team02/network.py", "models/team02/parts.py",
        "models/team02/weights.json", "models/helpers_of_second.py", "model_zoo/second.pth",
    }  # fmt: skip


def test_a_file_found_by_name_is_seen(repo: Path) -> None:
    assert seen(repo, 3) == COMMON | {"models/team03_Dynamic.py", "model_zoo/team03_extra.bin"}


def test_what_the_organiser_keeps_in_the_repository_is_hidden(repo: Path) -> None:
    assert "results/results.json" not in seen(repo, 1, (repo / "results",))


def test_links_show_nothing_hidden_or_outside(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("")
    (repo / "models" / "away.txt").symlink_to(tmp_path / "secret.txt")
    (repo / "models" / "rival.py").symlink_to(repo / "models" / "team03_Dynamic.py")
    (repo / "models" / "same.py").symlink_to(repo / "models" / "shared.py")
    (repo / "utils" / "all.py").symlink_to(repo / "models")
    (repo / "everything").symlink_to(repo / "models")
    names = seen(repo, 1)
    assert "models/same.py" in names and not {"models/away.txt", "models/rival.py"} & names
    assert not any("everything" in name or "team03" in name for name in names)
    assert repo / "everything" not in share(repo, 1).visible


def test_a_file_that_cannot_be_parsed_imports_nothing(repo: Path) -> None:
    (repo / "models" / "team01_First.py").write_text("from models import (")
    assert "models/layers_of_first.py" in seen(repo, 2), "nobody's now"
    assert "models/team01_First.py" in seen(repo, 1)


@pytest.mark.parametrize(
    "line", ["import test_demo", "if 0:\n    import test_demo", "from test_demo import forward"]
)
def test_the_entry_point_and_what_it_imports_stay_everybodys(repo: Path, line: str) -> None:
    before = seen(repo, 1)
    write(repo, {"models/team02/network.py": f"from . import parts\n{line}"})
    assert seen(repo, 1) == before >= COMMON
    assert not {name for name in seen(repo, 2) if "first" in name.lower() or "team01" in name}


def test_what_functions_of_the_entry_point_import_is_everybodys(repo: Path) -> None:
    write(
        repo,
        {
            "test_demo.py": ENTRY + "\ndef forward(x):\n    from utils.pad import pad\n",
            "utils/pad.py": "from utils import sizes",
            "utils/sizes.py": "",
            "models/team02/network.py": "from utils.pad import pad",
        },
    )
    assert {"utils/pad.py", "utils/sizes.py"} <= seen(repo, 1) & seen(repo, 2)


def test_a_file_under_anothers_number_is_its_alone_though_imported_or_named(repo: Path) -> None:
    write(
        repo,
        {"models/team02/network.py": "if 0:\n    import models.team01_First\n    x = 'model_zoo/team01.pth'"},
    )
    assert not {"models/team01_First.py", "models/layers_of_first.py", "model_zoo/team01.pth"} & seen(repo, 2)
    assert {"models/team01_First.py", "model_zoo/team01.pth"} <= seen(repo, 1)
    assert share(repo, 3).problem == "model_zoo/team01.pth: bears the number of another submission"


def test_a_variant_of_a_submission_sees_its_files_and_others_the_baselines(repo: Path) -> None:
    branches = """
    elif args.model_id == 21:
        from models.team02 import network
    elif args.model_id == 361:
        from models.team36_S import S
    elif args.model_id == 36:
        from models.team36_S import S
        from models.team00_Base import Base
    elif args.model_id == 0:
        from models.team00_Base import Base
"""
    write(repo, {"test_demo.py": ENTRY + branches, "models/team36_S.py": "", "models/team00_Base.py": ""})
    assert "models/team36_S.py" in seen(repo, 361) & seen(repo, 36)
    assert "models/team36_S.py" not in seen(repo, 2)
    assert "models/team00_Base.py" in seen(repo, 0) & seen(repo, 36)
    assert "models/team00_Base.py" not in seen(repo, 1)
    assert "models/team02/network.py" not in seen(repo, 21)


COMPUTED = {
    "module": "import importlib\n        importlib.import_module(f'models.{kind}')",
    "f_string": "path = os.path.join('model_zoo', f'{kind}.pth')",
    "sum": "path = 'model_zoo/' + kind + '.pth'",
    "format": "path = 'model_zoo/{}.pth'.format(kind)",
    "pattern": "path = glob.glob('model_zoo/*.pth')[0]",
    "search_path": "sys.path.insert(0, 'models')",
}


@pytest.mark.parametrize("line", COMPUTED.values(), ids=COMPUTED)
def test_nothing_without_a_number_is_hidden_from_a_branch_that_computes_names(repo: Path, line: str) -> None:
    entry = ENTRY + f"    elif args.model_id == 4:\n        {line}\n"
    write(repo, {"test_demo.py": entry, "models/rlfn.py": "", "model_zoo/rlfn_best.pth": ""})
    write(
        repo, {"models/team02/network.py": "if 0:\n    import models.rlfn\n    x = 'model_zoo/rlfn_best.pth'"}
    )
    assert {"models/rlfn.py", "model_zoo/rlfn_best.pth"} <= seen(repo, 4) & seen(repo, 2)
    assert not {"models/rlfn.py", "model_zoo/rlfn_best.pth"} & seen(repo, 1)
    assert not any("team0" in name for name in seen(repo, 4))


def test_what_a_module_computes_counts_as_its_branchs(repo: Path) -> None:
    write(repo, {"models/team01_First.py": "import importlib\nimportlib.import_module('models.' + kind)"})
    assert "models/helpers_of_second.py" in seen(repo, 1)


@pytest.mark.parametrize("line", ["importlib.import_module({})", "x = {}"])
@pytest.mark.parametrize("length", [1500, 20000])
def test_a_name_of_many_parts_is_one_that_is_computed(repo: Path, line: str, length: int) -> None:
    parts = " + ".join(["'models.x'"] * length)
    write(repo, {"models/team01_First.py": "import importlib\n" + line.format(parts)})
    assert "models/team01_First.py" in seen(repo, 1)


def test_a_checkpoint_in_a_folder_of_model_zoo_is_hidden_from_others(repo: Path) -> None:
    entry = ENTRY.replace('"model_zoo/second.pth"', 'os.path.join("model_zoo", "esa", "best.pth")')
    write(repo, {"test_demo.py": entry, "model_zoo/esa/best.pth": "", "model_zoo/esa/readme.txt": ""})
    assert "model_zoo/esa/best.pth" in seen(repo, 2) and "model_zoo/esa/best.pth" not in seen(repo, 1)
    write(repo, {"test_demo.py": entry.replace(', "best.pth"', "")})
    assert "model_zoo/esa/readme.txt" in seen(repo, 2) and "model_zoo/esa/readme.txt" not in seen(repo, 1)


@pytest.mark.parametrize(
    "line", ["os.listdir(here)", "scandir(here)", "pkgutil.iter_modules([here])", "here.glob('*')"]
)
def test_a_package_that_imports_what_it_finds_is_whole_for_all_that_import_it(repo: Path, line: str) -> None:
    archs = {f"models/archs/{name}_arch.py": "from models import layers" for name in ("rlfn", "esa")}
    first = {"models/team01_First.py": "from models.archs.rlfn_arch import Net"}
    second = {"models/team02/network.py": "from models.archs.esa_arch import Net"}
    write(repo, {"models/archs/__init__.py": "", "models/layers.py": "", **archs, **first, **second})
    assert "models/archs/esa_arch.py" not in seen(repo, 1)
    write(repo, {"models/archs/__init__.py": f"modules = {line}"})
    assert {*archs, "models/layers.py"} <= seen(repo, 1) & seen(repo, 2)
    assert not set(archs) & seen(repo, 3)


def test_folders_stay_whole_where_no_rivals_code_is_compiled(repo: Path) -> None:
    for number in range(200):
        write(
            repo,
            {
                f"utils/part{number}/__pycache__/x.pyc": "",
                f"models/team01/part{number}/__pycache__/x.pyc": "",
            },
        )
    assert {"utils", "models/team01"} <= {str(path.relative_to(repo)) for path in share(repo, 1).visible}
    assert len(share(repo, 1).visible) < 20
    names = seen(repo, 3)
    assert "utils/part7/__pycache__/x.pyc" in names
    assert not {name for name in names if name.startswith(("models/__pycache__", "models/team01"))}


def test_a_submission_that_fills_a_shared_folder_ends_nobodys(repo: Path) -> None:
    for number in range(1100):
        (repo / "models" / f"empty{number}.txt").touch()
    for model_id in (1, 2):
        one = share(repo, model_id)
        assert one.problem == "" and len(one.visible) < 100
        assert {"test_demo.py", "utils/common.py", "models/shared.py", "README.md"} <= seen(repo, model_id)
    assert "models/team01_First.py" in seen(repo, 1)


def test_more_of_its_own_than_can_be_shown_is_its_problem(repo: Path) -> None:
    for number in range(1100):
        write(repo, {f"models/helper{number}.py": ""})
    write(repo, {"models/team02/network.py": "\n".join(f"import models.helper{n}" for n in range(1100))})
    problem = share(repo, 2).problem
    assert problem.startswith("11") and "expected at most 1000: most are in models/" in problem
    assert share(repo, 1).problem == ""


def test_folders_too_deep_are_the_problem_of_their_number(repo: Path) -> None:
    nested(repo / "models" / "team02", 100)
    assert (
        share(repo, 2).problem
        == "models/team02: folders lie in each other more than 64 deep, or cannot be read"
    )
    assert share(repo, 1).problem == "" and seen(repo, 1) >= COMMON


def test_folders_too_deep_that_are_nobodys_are_hidden(repo: Path) -> None:
    nested(repo / "utils", 100)
    for model_id in (1, 2):
        one = share(repo, model_id)
        assert one.problem == "" and repo / "utils" not in one.visible
        assert repo / "utils" / "common.py" in one.visible
