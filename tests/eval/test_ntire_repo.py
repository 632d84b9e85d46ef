"""Finding submissions in the source of `select_model`, without running it."""

from __future__ import annotations

import pytest

from data.errors import InputError
from eval import submission
from eval.adapters.ntire_repo import Branch, discover, results_key
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
    else:
        raise NotImplementedError
"""


def test_ids_names_and_checkpoints_are_read_from_the_source() -> None:
    assert discover(SOURCE) == [
        Branch(0, "00_RLFN_baseline", ("team00_rlfn.pth",)),
        Branch(7, "07_Padded", ("team07_x.pt",)),
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
        ("25_<script>", "25__script_"),
        ("2_5", "25_2_5"),
    ],
)
def test_a_results_key_begins_with_its_own_id(name: str, key: str) -> None:
    assert results_key(name, 25) == key


def test_unknown_id_lists_those_there_are(tmp_path) -> None:  # type: ignore[no-untyped-def]
    repo = toy.write_repo(tmp_path / "repo", {3: toy.honest(), 12: toy.honest()})
    with pytest.raises(InputError, match=r"--model_id 4: not in .*test_demo.py \(there are: 3, 12\)"):
        submission.repository(repo, ["4"])


def test_a_folder_that_is_no_repository_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"looked for test_demo\.py"):
        submission.repository(tmp_path, None)
