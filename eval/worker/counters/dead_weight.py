"""Parameters that no operator reads, under the names of the modules that hold them: branches for training left in."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping

from torch import nn


def by_module(model: nn.Module, unread: Mapping[str, int]) -> dict[str, int]:
    """Elements of unread parameters, by the largest modules of which nothing is read.

    unread: elements by the name of the parameter. Numbers in names become `*`, so that equal blocks of a network are
    one entry, such as `body.*.branch`.
    """
    alive = {
        parent
        for name, _ in model.named_parameters(remove_duplicate=False)
        if name not in unread
        for parent in _parents(name)
    }
    found: Tally[str] = Tally()
    for name, elements in unread.items():
        dead = [parent for parent in _parents(name) if parent not in alive]
        found[_pattern(dead[0] if dead else name)] += elements
    return dict(found)


def _parents(name: str) -> list[str]:
    """The modules that hold a parameter, the largest first; the network itself is left out."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _pattern(name: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in name.split("."))
