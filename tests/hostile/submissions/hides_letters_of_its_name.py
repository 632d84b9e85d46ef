# @expected: ok: unchanged numbers
# @expected: ok: plain name
# @name: 01_hon‍⁠est
"""Takes the honest one's name, with letters of no width. (Its number is put before it.)"""

from models.base import Repeat


def make():
    return Repeat()
