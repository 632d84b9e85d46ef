"""One line of the checklist, and how a check becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from data.errors import InputError
from eval.failures import SubmissionFailed
from eval.validation.cures import cure_of

CheckVerdict = Literal["ok", "warning", "problem", "not checked"]
Context = TypeVar("Context")


@dataclass(frozen=True)
class Item:
    """What one check found. verdict: a `problem` fails the submission, a `warning` does not. cure: what to change."""

    check: str
    verdict: CheckVerdict
    reason: str
    cure: str = ""


class NotCheckedError(Exception):
    """A check cannot be made; the message says why."""


# What a look finds: the verdict, the reason and the cure.
Seen = tuple[CheckVerdict, str, str]


def fine(reason: str) -> Seen:
    return "ok", reason, ""


def doubt(reason: str, cure: str) -> Seen:
    return "warning", reason, cure


def wrong(reason: str, cure: str) -> Seen:
    return "problem", reason, cure


@dataclass(frozen=True)
class Look(Generic[Context]):
    """A check: its name in the checklist, and a function on what it looks at.

    The judge's own refusals (SubmissionFailed, InputError) become problems with their cure.
    """

    name: str
    find: Callable[[Context], Seen]

    def item(self, context: Context) -> Item:
        """Make the check."""
        try:
            return Item(self.name, *self.find(context))
        except NotCheckedError as reason:
            return Item(self.name, "not checked", str(reason))
        except (SubmissionFailed, InputError) as refusal:
            return Item(self.name, "problem", str(refusal), cure_of(str(refusal)))


def items(looks: Iterable[Look[Context]], context: Context) -> Iterator[Item]:
    """Make the checks in their order."""
    return (look.item(context) for look in looks)
