"""Names that look alike are shown apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.text import unmistakable
from eval.records.schema import SubmissionInfo
from eval.submissions.repository.select_model import results_key

TWINS = {
    "Cyrillic": "25_EЕRN",
    "Greek": "25_EΕRN",
    "no width": "25_E\u200bERN",
    "joiner": "25_EE\u2060RN",
    "wide": "25_EＥRN",
    "mathematical": "25_E𝐄RN",
    "combining": "25_EE\u0323RN",
    "dotless": "25_EıRN",
    "right to left": "25_E\u202eERN",
    "space": "25_EERN\u00a0x",
    "katakana": "25_ロ",
}


@pytest.mark.parametrize("name", TWINS.values(), ids=TWINS)
def test_a_twin_is_shown_escaped(name: str) -> None:
    shown = unmistakable(name)
    assert shown.isascii() and "\\" in shown and SubmissionInfo(model=name).model == shown
    assert results_key(name, 25).isascii()


@pytest.mark.parametrize("name", ["42_[FEAN]", "07_Café", "08_Müller+x8", "09_超分辨率", "10_초해상도"])
def test_names_that_teams_have_stay(name: str) -> None:
    assert unmistakable(name) == name


@given(st.text(max_size=20))
def test_escaping_twice_changes_nothing(name: str) -> None:
    assert unmistakable(unmistakable(name)) == unmistakable(name)
