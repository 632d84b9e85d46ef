"""The one table of flags: complete, documented, and old names stay readable."""

from __future__ import annotations

import re

from eval.records.flags import TABLE, Consequence, FlagName, complexity_in_doubt, joined
from eval.records.schema import Flag, Record, SubmissionInfo, record_json
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "metrics.md"


def test_every_flag_has_its_row() -> None:
    assert set(TABLE) == set(FlagName)
    assert all(entry.meaning for entry in TABLE.values())


def test_the_documented_list_is_the_table() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## Flags")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `([^`]+)` \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert documented == [
        (name.value, entry.meaning, entry.consequence.value) for name, entry in TABLE.items()
    ]


def test_flags_are_made_by_names_of_the_table_only() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for package in ("eval", "leaderboard")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "flags.py" and re.search(r"\bFlag\(\s*name=", path.read_text(encoding="utf-8"))
    ]
    assert not wrong


def test_a_flag_of_another_version_is_read() -> None:
    record = Record(
        challenge="x",
        submission=SubmissionInfo(model="01_A"),
        status="ok",
        flags=[Flag(name="a name of another version", reason="why")],
    )
    assert Record.model_validate_json(record_json(record)) == record


def test_a_record_holds_plain_text() -> None:
    flag = FlagName.UNPICKLED.because("why")
    assert type(flag.name) is str and flag == Flag(name="unpickled", reason="why")


def test_reasons_of_one_name_are_joined() -> None:
    name = FlagName.PARAMETERS_ELSEWHERE
    assert joined([name.because("one"), FlagName.UNPICKLED.because("two"), name.because("three")]) == [
        name.because("one; three"),
        FlagName.UNPICKLED.because("two"),
    ]


def test_the_consequence_for_the_complexity_follows_the_table() -> None:
    for name, entry in TABLE.items():
        expected = entry.consequence is Consequence.COMPLEXITY_IN_DOUBT
        assert complexity_in_doubt([name.because("x")]) is expected
