# @expected: ok: unchanged numbers
# @levels: bwrap landlock
# @default: yes
"""Reads another team's network from the folder that all teams share."""

from pathlib import Path

from models.base import KNOWN, Repeat, breach


def make():
    rival = Path(__file__).parent / "honest.py"
    try:
        content = rival.read_text() if KNOWN else ""
    except OSError:
        content = ""
    if content:
        breach("another team's network can be read")
    return Repeat()
