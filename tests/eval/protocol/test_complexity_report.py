"""The plain-text form of counts: round trips, bounds, and refusal of what an untrusted worker may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from eval.protocol.complexity_report import (
    MAX_COUNT,
    MAX_NAME_CHARS,
    MAX_NAMES,
    MAX_TEXT_BYTES,
    CountedComplexity,
    Counter,
    PassCounts,
    dump,
    parse,
)

EERN = CountedComplexity(
    parameters=657432,
    buffers=0,
    counters={
        "fvcore": Counter(41212605000, unknown={"aten::mul": 4, "aten::relu": 4}, added={"aten::relu": 5}),
        "thop": Counter(None, "ModuleNotFoundError: No module named 'distutils'"),
        "torch": Counter(41190584904),
    },
    noise=PassCounts(41190584904, 87217128, 27, 87217128, 27, 12, 99),
    uncalled=("body.3", "tail"),
    unread_parameters=120,
    unread={"body.*.branch": 100, "tail": 20},
    seconds={"noise": 1.25},
)

counts = st.integers(0, MAX_COUNT)
texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=MAX_NAME_CHARS)
counters = st.builds(
    Counter, st.none() | counts, texts, *[st.dictionaries(texts.filter(bool), counts, max_size=MAX_NAMES)] * 2
)
passes = st.none() | st.builds(PassCounts, *[counts] * 6)


def test_round_trip() -> None:
    assert parse(dump(EERN)) == EERN
    assert (EERN.fvcore.macs, EERN.torch.macs, EERN.activations, EERN.num_conv) == (
        41212605000,
        41190584904,
        87217128,
        27,
    )


@given(
    st.builds(
        CountedComplexity,
        parameters=counts,
        buffers=counts,
        counters=st.dictionaries(st.sampled_from(["fvcore", "thop", "torch", "another"]), counters),
        noise=passes,
        crop=passes,
        crop_noise=passes,
        failure=texts,
        crop_failure=texts,
        uncalled=st.lists(texts, max_size=MAX_NAMES).map(tuple),
        unread_parameters=counts,
        unread=st.dictionaries(texts.filter(bool), counts, max_size=MAX_NAMES),
        weights_elsewhere=counts,
    )
)
def test_any_complexity_comes_back_whole(complexity: CountedComplexity) -> None:
    text = dump(complexity)
    assert len(text) <= MAX_TEXT_BYTES
    assert parse(text) == complexity


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda t: dump(EERN) + t.encode()))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        parse(text)
    except InputError as error:
        assert str(error).startswith("complexity report")


def test_long_lists_are_cut_and_say_so() -> None:
    many = {f"aten::op{i}": 1000 - i for i in range(100)}
    names = tuple(f"module{i}" for i in range(100))
    found = parse(dump(CountedComplexity(1, 0, {"fvcore": Counter(1, unknown=many)}, uncalled=names)))

    assert len(found.fvcore.unknown) == MAX_NAMES
    assert found.fvcore.unknown["(others)"] == sum(1000 - i for i in range(MAX_NAMES - 1, 100))
    assert sum(found.fvcore.unknown.values()) == sum(many.values())
    assert found.uncalled[-1] == "(37 others)"


def test_names_that_are_equal_once_they_are_cut_are_one() -> None:
    long = "x" * MAX_NAME_CHARS
    found = parse(dump(CountedComplexity(9, 0, unread={f"{long}a": 3, f"{long}b": 4})))
    assert found.unread == {f"{long[:-3]}...": 7}


def test_strange_texts_become_one_printable_line() -> None:
    found = parse(dump(CountedComplexity(1, 0, {"fvcore": Counter(None, "a\tb\n\x1b[31mé" + "x" * 300)})))
    assert found.fvcore.reason.startswith("a b ?[31m?xxx")
    assert len(found.fvcore.reason) == MAX_NAME_CHARS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"parameters\t657432", b"parameters\t-1", "line 1: '-1': expected a count from 0 to"),
        (b"parameters\t657432", b"parameters\t1e9", "'1e9': expected a count"),
        (b"parameters\t657432", b"parameters\t" + b"9" * 25, "expected a count"),
        (b"buffers\t0", b"parameters\t0", "line 2: 'parameters' is there twice"),
        (b"buffers\t0\n", b"", "'buffers' is missing"),
        (b"buffers\t0", b"surprise\t0", "line 2: unknown key 'surprise'"),
        (b"noise\t41190584904\t", b"noise\t", "noise: expected 7 numbers, found 6"),
        (b"buffers\t0", b"buffers\t\xff", "is not ASCII"),
        (b"seconds\t1.2500", b"seconds\tnan?", "line"),
        (b"seconds\t1.2500", b"seconds\tnan", "line"),
    ],
)
def test_forged_reports_are_refused(old: bytes, new: bytes, message: str) -> None:
    text = dump(EERN)
    assert old in text
    with pytest.raises(InputError) as caught:
        parse(text.replace(old, new))
    assert message in str(caught.value)


def test_too_many_names_are_refused() -> None:
    text = dump(EERN) + b"\nuncalled\tx" * MAX_NAMES
    with pytest.raises(InputError, match=f"more than {MAX_NAMES} names"):
        parse(text)


def test_too_long_a_report_is_refused() -> None:
    with pytest.raises(InputError, match="complexity report of 32769 bytes: expected at most 32768"):
        parse(b"x" * (MAX_TEXT_BYTES + 1))
