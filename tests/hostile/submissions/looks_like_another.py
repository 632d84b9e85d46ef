# @expected: ok: unchanged numbers
# @expected: ok: plain name
# @name: 01_hоnest
"""Takes the honest one's name, with a Cyrillic letter. (Its number is put before it.)"""

from models.base import Repeat


def make():
    return Repeat()
