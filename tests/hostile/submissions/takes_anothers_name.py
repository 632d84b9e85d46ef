# @expected: ok: unchanged numbers
# @expected: ok: own name
# @name: 01_honest
"""Returns the results key of another team."""

from models.base import Repeat


def make():
    return Repeat()
