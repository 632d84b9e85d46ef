"""The page about the corpus names every submission in it."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.hostile.corpus import BASE, FOLDER


def test_every_submission_has_its_row() -> None:
    page = (ROOT / "docs" / "hostile.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    files = {path.stem for path in FOLDER.glob("*.py")} - {BASE}
    assert files == files & set(re.findall(r"`(\w+)`", rows))
