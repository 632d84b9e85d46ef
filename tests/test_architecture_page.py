"""Documents against the tree: the picture of the packages is the import table, and the paths that are named exist.

`python -m tests.test_architecture_page` writes the picture anew, after a change of the table.
"""

from __future__ import annotations

import re
import textwrap

import pytest

from tests.conftest import ROOT
from tests.test_structure import COMMAND_LINES, INSIDE_EVAL, LEAVES

PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "```text\n", "```\n"
BESIDE_TEAMS_CODE = {"worker", "filters", "protocol"}
NAMED = re.compile(r"`((?:eval|data|leaderboard|models|model_zoo|train|tests|docs|bench)/[\w./]*)`")
DOCUMENTS = [
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/hostile.md", "docs/integrity.md",
]  # fmt: skip


def imported(owner: str) -> set[str]:
    """What `owner` may import, without `eval.` and without what everything may import."""
    return {name.removeprefix("eval.") for name in INSIDE_EVAL[owner] - LEAVES}


def level(owner: str) -> int:
    """1 for what imports no other package of `eval`, otherwise one more than the highest that it imports."""
    below = {name.partition(".")[0] for name in imported(owner)} & set(INSIDE_EVAL)
    return 1 + max((level(name) for name in below), default=0)


def picture() -> str:
    """The packages of `eval` by level, each with what it may import."""
    owners = sorted(set(INSIDE_EVAL) - {"failures"}, key=lambda owner: (-level(owner), owner))
    rows = [(level(owner) if owner in INSIDE_EVAL else 0, owner, sorted(imported(owner))) for owner in owners]
    top = max(level(owner) for owner in owners) + 1
    lines = [f"{top}    {', '.join(sorted(COMMAND_LINES))}: command lines  -> everything but worker"]
    above = top
    for number, owner, names in rows:
        shown = str(number) if number != above else " "
        above = number
        head = f"{shown}  {'*' if owner in BESIDE_TEAMS_CODE else ' '} {owner:<12}"
        text = f"{head}-> {', '.join(names)}" if names else head.rstrip()
        lines += textwrap.wrap(text, 100, subsequent_indent=" " * (len(head) + 3))
    return "\n".join(lines) + "\n"


def test_the_picture_is_the_import_table() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert shown == picture(), "after a change of the table: python -m tests.test_architecture_page"


def test_levels_go_one_way() -> None:
    for owner in set(INSIDE_EVAL) - {"failures"}:
        assert all(
            level(name.partition(".")[0]) < level(owner)
            for name in imported(owner)
            if name.partition(".")[0] in INSIDE_EVAL
        )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_that_documents_name_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    made_up = re.compile(r"NAME|team42")  # what the reader is to write
    missing = [
        name for name in NAMED.findall(text) if not made_up.search(name) and not (ROOT / name).exists()
    ]
    assert not missing


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + picture() + END + rest.partition(END)[2], encoding="utf-8")
