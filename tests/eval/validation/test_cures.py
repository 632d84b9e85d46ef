"""Every refusal has its cure, and the table of cures is sound."""

from __future__ import annotations

import re

import pytest

from eval.validation.cures import CURES, OTHERWISE, cure_of


@pytest.mark.parametrize(("pattern", "cure"), CURES)
def test_a_row_fills_in_only_what_it_matches(pattern: str, cure: str) -> None:
    assert cure.strip() and ("{1}" not in cure or re.compile(pattern).groups)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("image a: memory limit of 8 GiB: the worker process ended (killed by signal 9)", "set 'tile'"),
        ("image a: time limit: no answer within 600 s", "make the network faster"),
        ("loading: PermissionError: [Errno 13] Permission denied: 'log.txt' (at net.py:3)", "write no files"),
        ("loading: URLError: <urlopen error [Errno -3] Temporary failure> (at net.py:3)", "use no network"),
        ("loading: PermissionError: [Errno 1] Operation not permitted (at subprocess.py:9)", "start no process"),
        ("loading: torch.compile starts a compiler, which submissions may not; take it out", "remove torch.compile"),
        ("loading: needs the Python package 'mmcv', which is not installed", "requirements.txt"),
        ("checkpoint a.pth: is a ZIP archive (of x), not a checkpoint; unpack it", "unpack the archive"),
        ("something that nobody foresaw", OTHERWISE),
    ],
)  # fmt: skip
def test_the_judges_reasons_have_their_cure(reason: str, words: str) -> None:
    assert words in cure_of(reason)
