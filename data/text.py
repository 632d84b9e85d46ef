"""Untrusted text, made safe to show."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping


def printable(text: str) -> str:
    """Untrusted text, escaped for JSON and terminals.

    Control characters, line ends and bytes that are no UTF-8 (surrogates) become escapes.

    >>> printable("name\\x1b[2J")
    'name\\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# Letters of scripts that hold no look-alikes of Latin ones, nor of each other.
_DISTINCT = ("CJK UNIFIED IDEOGRAPH", "HANGUL SYLLABLE", "HIRAGANA LETTER")


def unmistakable(text: str) -> str:
    """A name in which no letter passes for another: whatever could be a twin of an ASCII letter is escaped.

    ASCII stays, as do accented Latin letters and the scripts above. Everything else becomes an escape: Cyrillic and
    Greek letters, wide forms, marks that combine, and what `printable` escapes. A second call changes nothing.

    >>> unmistakable("25_\\u0415RN"), unmistakable("25_Cafe\\u200b")
    ('25_\\\\u0415RN', '25_Cafe\\\\u200b')
    """
    return "".join(c if _is_distinct(c) else c.encode("unicode_escape").decode() for c in text)


def _is_distinct(letter: str) -> bool:
    if letter.isascii():
        return letter.isprintable()
    if unicodedata.normalize("NFKC", letter) != letter:
        return False
    name = unicodedata.name(letter, "")
    accented = name.startswith("LATIN") and unicodedata.normalize("NFD", letter)[0].isascii()
    return name.startswith(_DISTINCT) or (accented and letter.isprintable())


def without_controls(text: str) -> str:
    """Untrusted text of several lines: control characters but line ends and tabs become U+FFFD.

    >>> without_controls("first\\nsecond\\x07")
    'first\\nsecond\\ufffd'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def file_name(text: str) -> str:
    """A results key or other text as the name of a file or folder: letters, digits and `. _ + -` only.

    >>> file_name("42_[FEAN]"), file_name("25_a/b"), file_name("..")
    ('42__FEAN_', '25_a_b', '_..')
    """
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", text)[:80]
    return name if name.strip(".") else f"_{name}"


def markdown_text(text: str) -> str:
    """Untrusted text as a cell of a Markdown table: on one line, marks escaped.

    >>> print(markdown_text("a|b *c*"))
    a\\|b \\*c\\*
    """
    escaped = text.replace("\\", "\\\\")
    for mark in "|<>*_`[]":
        escaped = escaped.replace(mark, "\\" + mark)
    return " ".join(escaped.split())


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # starts of a cell that spreadsheets calculate


def spreadsheet_text(text: str) -> str:
    """Untrusted text as a cell of a CSV file: an apostrophe stands before what a spreadsheet would calculate.

    >>> spreadsheet_text("=1+1"), spreadsheet_text("25_EERN")
    ("'=1+1", '25_EERN')
    """
    return without_controls(f"'{text}" if text.startswith(FORMULA_STARTS) else text)


def largest_counts(counts: Mapping[str, int], shown: int = 3) -> str:
    """Names with their counts, the largest first.

    >>> largest_counts({"tail": 8, "body.*.branch": 90, "head": 3, "skip": 1}, shown=2)
    'body.*.branch (90), tail (8) and 2 more'
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(ordered) - shown} more" if len(ordered) > shown else ""
    return ", ".join(f"{name} ({count})" for name, count in ordered[:shown]) + more


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The end of a message about an unknown name: the nearest of the `known` ones; empty if none is near.

    >>> did_you_mean("esr2204", ["esr2024", "imagesr2024"])
    "; did you mean 'esr2024'?"
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
