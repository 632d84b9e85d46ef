"""Untrusted text, made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """Untrusted text, escaped for JSON and terminals.

    Control characters, line ends and bytes that are no UTF-8 (surrogates) become escapes.

    >>> printable("name\\x1b[2J")
    'name\\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def without_controls(text: str) -> str:
    """Untrusted text of several lines: control characters but line ends and tabs become U+FFFD.

    >>> without_controls("first\\nsecond\\x07")
    'first\\nsecond\\ufffd'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
