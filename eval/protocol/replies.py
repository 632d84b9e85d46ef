"""What a worker answers: one typed reply per operation, packed into the fixed frame of `channel.Reply`.

A worker may state anything. `unpack` accepts a number only within the bounds of its field.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from eval.protocol.channel import ChannelError, Reply, Status
from eval.protocol.complexity_report import MAX_COUNT

_S = TypeVar("_S", bound="Statement")

# Bounds of what a worker may state, far above any honest figure.
MAX_DATA_RANGE = 1e6
MAX_MEMORY_MIB = 1e9
MAX_TIME_MS = 1e12
MAX_LEVEL = 1e30


def _number(
    what: str, most: float, *, least: float = 0, kind: Callable[[float], Any] = float, may_lack: bool = False
) -> Any:
    """A number that a worker states. may_lack: whether None, which travels as NaN, is an answer."""
    return field(metadata={"what": what, "least": least, "most": most, "kind": kind, "may_lack": may_lack})


def _count(what: str) -> Any:
    return _number(what, MAX_COUNT, kind=int)


@dataclass(frozen=True)
class Statement:
    """Base of all replies. Numbers travel in the order of the fields; texts are joined by line ends."""

    def pack(self) -> Reply:
        """The content of the frame."""
        numbers, texts = _split(type(self))
        stated = (getattr(self, one.name) for one in numbers)
        values = tuple(math.nan if value is None else float(value) for value in stated)
        return Reply(Status.OK, values, "\n".join(getattr(self, one.name) for one in texts))

    @classmethod
    def unpack(cls: type[_S], reply: Reply) -> _S:
        """The typed reply. Raises ChannelError ("protocol") for a number that is missing, surplus or out of bounds."""
        numbers, texts = _split(cls)
        if len(reply.values) != len(numbers):
            raise ChannelError("protocol", f"{len(reply.values)} values, expected {len(numbers)}")
        found = {one.name: _read(one, value) for one, value in zip(numbers, reply.values, strict=True)}
        lines = reply.text.split("\n", max(len(texts) - 1, 0))
        found |= {one.name: lines[i] if i < len(lines) else "" for i, one in enumerate(texts)}
        return cls(**found)


def _split(kind: type[Statement]) -> tuple[list[Field[Any]], list[Field[Any]]]:
    """The fields that are numbers, and those that are texts."""
    found = fields(kind)
    return [one for one in found if "what" in one.metadata], [
        one for one in found if "what" not in one.metadata
    ]


def _read(one: Field[Any], value: float) -> Any:
    stated = one.metadata
    if stated["may_lack"] and math.isnan(value):
        return None
    return stated["kind"](in_bounds(stated["what"], value, stated["most"], least=stated["least"]))


def in_bounds(what: str, value: float, most: float, *, least: float = 0) -> float:
    """`value` as a worker states it. Raises ChannelError ("protocol") unless it is a number from `least` to `most`."""
    if not least <= value <= most:
        expected = f"expected a number from {least:g} to {most:g}"
        raise ChannelError("protocol", f"{what} stated as {value:g}, {expected}")
    return value


@dataclass(frozen=True)
class Inspected(Statement):
    """The checkpoint's tensors, counted before any team code ran."""

    tensors: int = _count("a count")
    elements: int = _count("a count")
    size_bytes: int = _count("a count")


@dataclass(frozen=True)
class Loaded(Statement):
    """A model on its device.

    data_range: of its values, 1.0 or 255.0. parameters: elements of `model.parameters()`. name: the official results
    key or the architecture, if the adapter states one. notes: what was done to make the checkpoint fit.
    """

    data_range: float = _number("the data range", MAX_DATA_RANGE, least=1 / MAX_DATA_RANGE)
    parameters: int = _count("the number of parameters")
    name: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Forwarded(Statement):
    """A network's values in the answer slot. worker_ms: the worker's own time."""

    worker_ms: float = _number("its time in ms", MAX_TIME_MS)


@dataclass(frozen=True)
class MemoryPeak(Statement):
    """Peak memory since the last request; None if it cannot be read.

    since_reset: whether the peak leaves out what came before the last reset.
    """

    peak_mib: float | None = _number("the peak in MiB", MAX_MEMORY_MIB, may_lack=True)
    since_reset: bool = _number("whether the peak was reset", 1, kind=bool)


@dataclass(frozen=True)
class CountedText(Statement):
    """A report in the form of `complexity_report.dump`."""

    report: str


@dataclass(frozen=True)
class FolderDone(Statement):
    """One call of a program on a folder, as the worker saw it. `network_ms` is the time inside networks."""

    whole_ms: float = _number("its time in ms", MAX_TIME_MS)
    network_ms: float = _number("its time in networks in ms", MAX_TIME_MS)
    network_calls: int = _count("the number of network calls")
    parameters: int = _count("the number of parameters")


@dataclass(frozen=True)
class Exported(Statement):
    """A traced network in the graph slot."""

    size_bytes: int = _count("the size of the traced network")


@dataclass(frozen=True)
class CountedAgain(Statement):
    """A network's values in the answer slot and the work for them.

    macs: by formulas for operators. products: elements of products that a sum took up. touched: elements that light
    operators handled. uncounted: heavy operators without a formula.
    """

    macs: int = _count("multiply-accumulates")
    products: int = _count("products")
    touched: int = _count("elements")
    weights: int = _count("weights")
    uncounted: str = ""


@dataclass(frozen=True)
class Examined(Statement):
    """The state of a network after a forward pass.

    training_modules: how many are in training mode. other_precision: elements of parameters that are not float32.
    has_gradient: whether the output carries one. training_difference: the largest difference of an output in training
    mode, as a share of the data range; None if it fails then. made_of: for a network of a library, the JSON of its
    module, class and arguments.
    """

    training_modules: int = _count("the number of modules")
    other_precision: int = _count("the number of elements")
    has_gradient: bool = _number("whether there is a gradient", 1, kind=bool)
    training_difference: float | None = _number("the difference", MAX_LEVEL, may_lack=True)
    made_of: str = ""
