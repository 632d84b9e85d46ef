"""Finding submissions in the source of `select_model`, without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import InputError
from eval.submissions.fingerprint import sha256
from eval.submissions.repository.discover import from_repository
from eval.submissions.repository.select_model import NO_MODEL, Branch, discover, results_key
from tests.eval import toy

SOURCE = """
raise SystemExit("importing this module is an error")

def select_model(args, device):
    if args.model_id == 0:
        name, data_range = f"{model_id:02}_RLFN_baseline", 255.0
        model_path = os.path.join('model_zoo', 'team00_rlfn.pth')
    elif model_id == 7:
        name = "  07_Padded  "
        model_path = f"model_zoo/team{model_id:02}_x.pt"
    elif model_id == 30:
        name, data_range = compute_name(), 1.0
    elif model_id == -1:
        name, data_range = f"{model_id:02}_IMDN", 1.0
    elif 8 == model_id:
        # withdrawn
        pass
    elif model_id in (9, 10):
        name = f"{model_id:02}_Twin"
    else:
        raise NotImplementedError
"""


def test_ids_names_and_checkpoints_are_read_from_the_source() -> None:
    assert discover(SOURCE) == [
        Branch(-1, "-1_IMDN", ()),
        Branch(0, "00_RLFN_baseline", ("model_zoo/team00_rlfn.pth",)),
        Branch(7, "07_Padded", ("model_zoo/team07_x.pt",)),
        Branch(8, "08_unnamed", (), problem=NO_MODEL),
        Branch(9, "09_Twin", ()),
        Branch(10, "10_Twin", ()),
        Branch(30, "30_unnamed", ()),
    ]


@pytest.mark.parametrize("source", ["x = 1", "def other(): pass"])
def test_a_script_without_select_model_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="no function select_model"):
        discover(source)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("25_EERN", "25_EERN"),
        ("025_EERN ", "025_EERN"),
        ("00_Baseline", "25_00_Baseline"),  # nobody appears under another's id
        ("", "25_unnamed"),
        ("25_<script>", "25_<script>"),  # official keys are verbatim; pages and terminals escape
        ("25_[FEAN]", "25_[FEAN]"),
        ("25_a\x1b[2J\n", "25_a\\x1b[2J"),
        ("-25_X", "25_-25_X"),
        ("2_5", "25_2_5"),
    ],
)
def test_a_results_key_begins_with_its_own_id(name: str, key: str) -> None:
    assert results_key(name, 25) == key


def test_unknown_id_lists_those_there_are(tmp_path) -> None:  # type: ignore[no-untyped-def]
    repo = toy.write_repo(tmp_path / "repo", {3: toy.honest(), 12: toy.honest()})
    with pytest.raises(InputError, match=r"--model_id 4: not in .*test_demo.py \(there are: 3, 12\)"):
        from_repository(repo, ["4"])


def test_a_folder_that_is_no_repository_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"looked for test_demo\.py"):
        from_repository(tmp_path, None)


def test_a_repository_is_no_folder_for_its_own_results(tmp_path: Path) -> None:
    repo = toy.write_repo(tmp_path / "repo", {3: toy.honest()})
    (tmp_path / "link").symlink_to(repo)
    for folder in (repo, tmp_path / "link"):
        with pytest.raises(InputError, match=r"--save_dir: .*repo is the repository itself; choose another"):
            from_repository(repo, None, hidden=[folder])


NAMINGS = {
    "joined": ("team03/w.pth", 'os.path.join("model_zoo", "team03", "w.pth")'),
    "spelled": ("esa/best.pth", '"./model_zoo/esa/best.pth"'),
    "joined_to_a_variable": ("esa/best.pth", 'os.path.join(folder, "esa", "best.pth")'),
    "divided": ("esa/best.pth", 'Path("model_zoo") / "esa" / "best.pth"'),
    "numbered": (
        "team03/v03.pth",
        'os.path.join("model_zoo", f"team{model_id:02}", f"v{args.model_id:02d}.pth")',
    ),
}


def repo_naming(folder: Path, file: str, expression: str) -> Path:
    """A repository whose submission 3 names the file `file` of model_zoo/ by a Python expression."""
    repo = toy.write_repo(folder / "repo", {3: f"{toy.honest()}path = 0 if True else {expression}\n"})
    (repo / "model_zoo" / file).parent.mkdir(parents=True, exist_ok=True)
    (repo / "model_zoo" / file).write_bytes(b"first")
    return repo


@pytest.mark.parametrize(("file", "expression"), NAMINGS.values(), ids=NAMINGS)
def test_a_checkpoint_in_a_folder_of_model_zoo_is_recorded_and_hashed(
    tmp_path: Path, file: str, expression: str
) -> None:
    repo = repo_naming(tmp_path, file, expression)
    (one,) = from_repository(repo, None)
    path = repo / "model_zoo" / file
    assert one.checkpoints == (path,) and one.info.checkpoint is not None
    assert one.info.checkpoint.file == path.name
    before = one.fingerprint()
    path.write_bytes(b"second")
    after = one.fingerprint()
    assert {name for name in after if before[name] != after[name]} == {str(path)}


@pytest.mark.parametrize(
    ("file", "expression"),
    [("team03_X/w.pth", "0"), ("esa/w.pth", '"model_zoo/esa"'), ("esa/w.pth", '"model_zoo/esa/"')],
)
def test_files_of_a_folder_that_a_branch_names_are_its_weights(
    tmp_path: Path, file: str, expression: str
) -> None:
    repo = repo_naming(tmp_path, file, expression)
    path = repo / "model_zoo" / file
    (path.parent / "away.pth").symlink_to("/etc/passwd")
    (one,) = from_repository(repo, None)
    assert one.info.checkpoint is not None and one.info.checkpoint.file == "w.pth"
    assert one.info.checkpoint.sha256 == sha256(path)
    assert one.problem == "" and one.data == (path,)
    before = one.fingerprint()[str(path)]
    path.write_bytes(b"second")
    assert one.fingerprint()[str(path)] != before


def test_too_many_files_in_a_submissions_own_folder_are_its_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = repo_naming(tmp_path, "team03/w.pth", "0")
    (repo / "model_zoo" / "team03" / "more.bin").touch()
    monkeypatch.setattr("eval.submissions.repository.ownership.MOST_FILES", 1)
    (one,) = from_repository(repo, None)
    assert one.problem == "2 files beside Python's in its own folders, expected at most 1"


def test_a_checkpoint_under_the_number_of_another_is_a_problem_and_not_shown(tmp_path: Path) -> None:
    code = f"{toy.honest()}path = 'model_zoo/team04_x.pth'\n"
    repo = toy.write_repo(tmp_path / "repo", {3: code, 4: code})
    rivals = repo / "model_zoo" / "team04_x.pth"
    rivals.touch()
    third, fourth = from_repository(repo, None)
    assert third.problem == "model_zoo/team04_x.pth: bears the number of another submission"
    assert third.checkpoints == () and rivals not in third.visible
    assert fourth.problem == "" and fourth.checkpoints == (rivals,)
    assert from_repository(repo, ["4"], hidden=[tmp_path])[0] == fourth, "a folder around the repository"


def test_a_checkpoint_that_is_a_link_to_anothers_or_to_results_is_not_shown(tmp_path: Path) -> None:
    third = f"{toy.honest()}path = 'model_zoo/a.pth', 'model_zoo/b.pth', 'results/c.pth'\n"
    repo = toy.write_repo(tmp_path / "repo", {3: third, 4: f"{toy.honest()}path = 'model_zoo/own.pth'\n"})
    (repo / "results").mkdir()
    for name in ("model_zoo/own.pth", "results/c.pth"):
        (repo / name).touch()
    (repo / "model_zoo" / "a.pth").symlink_to("own.pth")
    (repo / "model_zoo" / "b.pth").symlink_to("../results/c.pth")
    one = from_repository(repo, ["3"], hidden=[repo / "results"])[0]
    assert one.checkpoints == ()
    assert not {path.resolve() for path in one.visible} & {repo / "model_zoo" / "own.pth", repo / "results"}
