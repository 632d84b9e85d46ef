# @expected: failed: innocent
"""Puts escape sequences, a carriage return and a forged line of results into its error message."""

from models.base import Repeat


def make():
    raise ValueError("\x1b[2J\x1b]0;owned\x07\r\n01_honest: PSNR 99.99\u202e innocent")
    return Repeat()
