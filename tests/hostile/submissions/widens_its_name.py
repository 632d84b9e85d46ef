# @expected: ok: unchanged numbers
# @expected: ok: plain name
# @name: 01_ｈonest
"""Takes the honest one's name, with a letter of another width. (Its number is put before it.)"""

from models.base import Repeat


def make():
    return Repeat()
