# @expected: ok: unchanged numbers
"""The one that is not hostile: its numbers must not depend on the company it keeps."""

from models.base import Repeat


def make():
    return Repeat()
