"""What was counted about a network: typed figures, and their plain-text form between worker and parent.

Multiply-accumulate operations (MAC) count once everywhere, as in the NTIRE tables ("FLOPs" there are MACs).
Pure data: neither torch nor a counter is imported here, so the parent and the leaderboard can use it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from data.errors import InputError

# The official input is 1x3x256x256 (NTIRE 2024 ESR, test_demo.py).
SIZE = 256
# Input of the passes that look for work depending on the input: other than the official size in both
# directions, beyond it in one, so that work saved for that size only shows too; a third of its area, to be
# cheap; multiples of 64, so that windowed networks need no padding.
CROP_HEIGHT, CROP_WIDTH = 64, 320

# Bounds of the plain-text form. A network of the size seen in challenges needs about 2 kB.
MAX_TEXT_BYTES = 32 * 1024
MAX_NAMES = 64
MAX_NAME_CHARS = 120
# Above any count a network on a 256x256 input can have; keeps sums and products of counts harmless.
MAX_COUNT = 10**18
MAX_SECONDS = 1e6


@dataclass(frozen=True)
class Counter:
    """One counter's opinion.

    macs:    multiply-accumulates for one 1x3x256x256 input, None if the counter could not say.
    reason:  why `macs` is None, else empty.
    unknown: operators or modules that the counter met and does not know, with how often: each counted zero.
    added:   multiply-accumulates of those unknown operators that have a formula; not part of `macs`.
    """

    macs: int | None = None
    reason: str = ""
    unknown: Mapping[str, int] = field(default_factory=dict)
    added: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PassCounts:
    """What one forward pass did.

    macs:        by formulas for operators, below the modules.
    activations: elements of all outputs of Conv2d and ConvTranspose2d modules, the official definition.
    num_conv:    number of calls of such modules, the official definition.
    conv_elements, conv_calls: the same for every two-dimensional convolution that was executed, called
                 through a module or not; larger than the official figures if weights are used directly.
    products:    elements of products of tensors that a sum took up: multiply-adds that no formula counts.
    touched:     elements that light operators computed or read, each the larger of its inputs and outputs.
    """

    macs: int
    activations: int
    num_conv: int
    conv_elements: int
    conv_calls: int
    products: int = 0
    touched: int = 0


_NOT_RUN = Counter(reason="this counter did not run")


@dataclass(frozen=True)
class CountedComplexity:
    """All counts of one network.

    parameters:        elements of `model.parameters()`, the official figure.
    buffers:           elements of `model.buffers()`.
    counters:          every counter's opinion by its name; `fvcore` is the official one.
    weights_elsewhere: elements of floating-point tensors that convolutions and matrix products read
                       although they are neither parameters nor computed from the image: weights kept as
                       buffers or plain attributes.
    unread_parameters: elements of parameters that no operator read, the dead weight of the network.
    unread:            the same by the modules that hold them, numbers in their names replaced by `*`.
    noise:             the pass on random noise of 3x256x256; None if it failed, `failure` says why.
    crop, crop_noise:  passes on a crop of a real image, 3x64x320, and on noise of that size; None if not
                       run or failed, `crop_failure` says why.
    uncalled:          modules with parameters of their own that were never called.
    seconds:           time that the counting took, by part.
    """

    parameters: int
    buffers: int
    counters: Mapping[str, Counter] = field(default_factory=dict)
    noise: PassCounts | None = None
    crop: PassCounts | None = None
    crop_noise: PassCounts | None = None
    failure: str = ""
    crop_failure: str = ""
    uncalled: tuple[str, ...] = ()
    unread_parameters: int = 0
    unread: Mapping[str, int] = field(default_factory=dict)
    weights_elsewhere: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def fvcore(self) -> Counter:
        """The official counter's opinion."""
        return self.counters.get("fvcore", _NOT_RUN)

    @property
    def torch(self) -> Counter:
        """The opinion of the formulas for operators, which see inside what is opaque to fvcore."""
        return self.counters.get("torch", _NOT_RUN)

    @property
    def activations(self) -> int | None:
        """Official activations at 3x256x256, in elements."""
        return None if self.noise is None else self.noise.activations

    @property
    def num_conv(self) -> int | None:
        """Official number of convolutions at 3x256x256."""
        return None if self.noise is None else self.noise.num_conv


def as_record(complexity: CountedComplexity) -> dict[str, Any]:
    """All counts as a record holds them: each counter stands beside the other figures under its name."""
    content = asdict(complexity)
    return {**content.pop("counters"), **content}


_COUNTER_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
MAX_COUNTERS = 16
_PASSES = ("noise", "crop", "crop_noise")
_INTEGERS = ("parameters", "buffers", "unread_parameters", "weights_elsewhere")
_TEXTS = ("failure", "crop_failure")


def _clean(text: str) -> str:
    """Printable ASCII on one line, cut to the length that the plain-text form allows."""
    kept = "".join(c if " " <= c <= "~" else "?" for c in " ".join(text.split()))
    return kept if len(kept) <= MAX_NAME_CHARS else kept[: MAX_NAME_CHARS - 3] + "..."


def dump(complexity: CountedComplexity) -> bytes:
    """The plain-text form: one `key<TAB>value` line per figure, ASCII, at most `MAX_TEXT_BYTES`.

    Lists longer than `MAX_NAMES` are cut (the most frequent kept), the rest summed under `(others)`.
    """
    lines = [f"{name}\t{getattr(complexity, name)}" for name in _INTEGERS]
    lines += [f"{name}\t{_clean(getattr(complexity, name))}" for name in _TEXTS]
    for name, counter in complexity.counters.items():
        lines.append(f"{name}.macs\t{'' if counter.macs is None else counter.macs}")
        lines.append(f"{name}.reason\t{_clean(counter.reason)}")
        lines += [f"{name}.unknown\t{count}\t{key}" for key, count in _most(counter.unknown)]
        lines += [f"{name}.added\t{count}\t{key}" for key, count in _most(counter.added)]
    for name in _PASSES:
        counts: PassCounts | None = getattr(complexity, name)
        if counts is not None:
            lines.append(f"{name}\t" + "\t".join(str(getattr(counts, f.name)) for f in fields(PassCounts)))
    lines += [f"unread\t{count}\t{name}" for name, count in _most(complexity.unread)]
    lines += [f"uncalled\t{_clean(name)}" for name in _some(complexity.uncalled)]
    timed = list(complexity.seconds.items())[:MAX_NAMES]
    lines += [f"seconds\t{value:.4f}\t{_clean(part)}" for part, value in timed]
    return "\n".join(lines).encode("ascii")


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The largest counts by their printable names; names that become equal when they are cut are one."""
    printable: dict[str, int] = {}
    for name, number in counts.items():
        printable[_clean(name)] = printable.get(_clean(name), 0) + number
    ordered = sorted(printable.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= MAX_NAMES:
        return ordered
    kept = ordered[: MAX_NAMES - 1]
    return [*kept, ("(others)", sum(count for _, count in ordered[MAX_NAMES - 1 :]))]


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) <= MAX_NAMES:
        return names
    return (*names[: MAX_NAMES - 1], f"({len(names) - MAX_NAMES + 1} others)")


def parse(text: bytes) -> CountedComplexity:
    """Read the plain-text form back; the worker that wrote it is not trusted.

    Raises InputError naming the line when it is too long, not ASCII, has an unknown or repeated key, a
    number that is no count (0..MAX_COUNT), or too many names.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise InputError(f"complexity report of {len(text)} bytes: expected at most {MAX_TEXT_BYTES}")
    try:
        lines = text.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"complexity report: byte {error.start} is not ASCII") from error
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        try:
            reader.line(line)
        except (ValueError, KeyError, IndexError) as error:
            raise InputError(f"complexity report, line {number}: {error}") from error
    return reader.result()


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > MAX_COUNT:
        raise ValueError(f"{text[:30]!r}: expected a count from 0 to {MAX_COUNT}")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= MAX_SECONDS:
        raise ValueError(f"{text[:30]!r}: expected seconds from 0 to {MAX_SECONDS:g}")
    return value


class _Reader:
    """Collects the lines of one report."""

    def __init__(self) -> None:
        self._single: dict[str, str] = {}
        self._counters: dict[str, dict[str, Any]] = {}
        self._passes: dict[str, PassCounts] = {}
        self._uncalled: list[str] = []
        self._unread: dict[str, int] = {}
        self._seconds: dict[str, float] = {}

    def line(self, line: str) -> None:
        key, *values = line.split("\t")
        if any(not c.isprintable() for value in values for c in value):
            raise ValueError(f"{key[:30]!r}: control characters")
        name, _, part = key.partition(".")
        if part:
            self._counter_line(name, part, values)
        elif key == "seconds":
            _put(self._seconds, values[1], _seconds(values[0]))
        elif key == "unread":
            _put(self._unread, values[1], _count(values[0]))
        elif key == "uncalled":
            self._uncalled.append(values[0][:MAX_NAME_CHARS])
            if len(self._uncalled) > MAX_NAMES:
                raise ValueError(f"more than {MAX_NAMES} names")
        elif key in _PASSES:
            numbers = [_count(value) for value in values]
            if len(numbers) != len(fields(PassCounts)):
                raise ValueError(f"{key}: expected {len(fields(PassCounts))} numbers, found {len(numbers)}")
            _put(self._passes, key, PassCounts(*numbers))
        elif key in (*_INTEGERS, *_TEXTS) and len(values) == 1:
            if key in _INTEGERS:
                _count(values[0])
            _put(self._single, key, values[0][:MAX_NAME_CHARS])
        else:
            raise ValueError(f"unknown key {key[:30]!r}")

    def _counter_line(self, name: str, part: str, values: list[str]) -> None:
        if part not in ("macs", "reason", "unknown", "added") or not _COUNTER_NAME.fullmatch(name):
            raise ValueError(f"unknown key {f'{name}.{part}'[:30]!r}")
        if name not in self._counters and len(self._counters) >= MAX_COUNTERS:
            raise ValueError(f"more than {MAX_COUNTERS} counters")
        counter = self._counters.setdefault(name, {"unknown": {}, "added": {}})
        if part in ("unknown", "added"):
            _put(counter[part], values[1], _count(values[0]))
        elif len(values) != 1:
            raise ValueError(f"{name}.{part}: expected one value, found {len(values)}")
        elif part == "macs":
            _put(counter, part, _count(values[0]) if values[0] else None)
        else:
            _put(counter, part, values[0][:MAX_NAME_CHARS])

    def result(self) -> CountedComplexity:
        missing = [key for key in (*_INTEGERS, *_TEXTS) if key not in self._single]
        missing += [
            f"{name}.{part}"
            for name, counter in self._counters.items()
            for part in ("macs", "reason")
            if part not in counter
        ]
        if missing:
            raise InputError(f"complexity report: {missing[0]!r} is missing")
        figures: dict[str, Any] = {name: _count(self._single[name]) for name in _INTEGERS}
        figures |= {name: self._single[name] for name in _TEXTS}
        figures["counters"] = {name: Counter(**counter) for name, counter in self._counters.items()}
        figures |= self._passes
        return CountedComplexity(
            **figures, uncalled=tuple(self._uncalled), unread=self._unread, seconds=self._seconds
        )


def _put(table: dict[str, Any], key: str, value: object) -> None:
    if key in table:
        raise ValueError(f"{key[:30]!r} is there twice")
    if len(table) >= MAX_NAMES:
        raise ValueError(f"more than {MAX_NAMES} names")
    table[key] = value
