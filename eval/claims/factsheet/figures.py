"""Figures in the passages of a factsheet: which number is a claim of the team, and which is not.

A number counts only beside the word for its quantity and with a unit that fits. Baselines, thresholds, relative changes
and other methods' rows of a table are no claims.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from eval.claims.factsheet.passages import Passage

Value = float | int | str | bool | tuple[str, ...]
STATED, IN_SENTENCE, UNSURE = 0.9, 0.7, 0.4


@dataclass(frozen=True)
class ProposedClaim:
    """One proposed claim. confidence: 0.9 for `name: value` and the team's own row, 0.7 in a sentence, 0.4 unsure."""

    field: str
    value: Value
    sentence: str
    place: str
    confidence: float


@dataclass(frozen=True)
class _Quantity:
    """How a figure is written. units: what one unit is in the field's own unit. bounds: of a credible value."""

    field: str
    word: re.Pattern[str]
    units: dict[str, float]
    bounds: tuple[float, float]
    bare: bool = False  # a number without a unit is one too


def _word(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


NUMBER = r"(?<![\w.])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_QUANTITIES = (
    _Quantity(
        "params_m", _word(r"\bparam(eter)?s?\b|model size"),
        {"M": 1, "million": 1, "K": 1e-3, "k": 1e-3, "thousand": 1e-3, "": 1e-6}, (1e-4, 1e5), bare=True,
    ),
    _Quantity(
        "flops_g", _word(r"flops?\b|macs?\b|mult(i|iply)?-?adds?"), {"G": 1, "M": 1e-3, "T": 1e3}, (1e-3, 1e6),
    ),
    _Quantity("activations_m", _word(r"\bact(ivation)?s?\b"), {"M": 1, "K": 1e-3, "G": 1e3}, (1e-3, 1e6)),
    _Quantity(
        "memory_mib", _word(r"\bmem(ory)?\b"),
        {"MiB": 1, "MB": 1, "Mb": 1, "M": 1, "GB": 1024, "GiB": 1024, "G": 1024}, (1, 1e6),
    ),
    _Quantity(
        "runtime_ms", _word(r"\brun(ning)?[- ]?time\b|inference time|latency|\bspeed\b|time per image|\btime\b"),
        {"ms": 1, "milliseconds": 1, "s": 1e3, "sec": 1e3, "seconds": 1e3, "second": 1e3}, (0.01, 1e6),
    ),
    _Quantity(
        "convs", _word(r"\b(number of|#) ?conv(olution)?(al)?( layers?)?s?\b|\bconv(olution)?s?:"),
        {"": 1}, (1, 1e5), bare=True,
    ),
)  # fmt: skip
NO_CLAIM = _word(
    r"\bbaseline\b|\bthreshold\b|\bRLFN\b|\bIMDN\b|\bRFDN\b|\bSPAN\b|\bprevious\b|state-of-the-art"
    r"|\bcompared (to|with)\b"
    r"|\brequire(s|d|ment)?\b|at least|\bmust\b|\bthan\b|\bteacher\b|\borganizers?\b|\bablation\b"
)
RELATIVE = _word(r"\b(reduc|decreas|increas|improv|sav|fewer|less|more|faster|smaller|drop|gain)")
OURS = _word(r"\b(ours?|proposed|this work|final|submitted|submission)\b")
DATASETS = (
    "DIV2K",
    "LSDIR",
    "Flickr2K",
    "DF2K",
    "FFHQ",
    "ImageNet",
    "Urban100",
    "BSD100",
    "Set5",
    "Set14",
    "OST",
    "DIV8K",
    "Manga109",
    "WED",
    "BSD500",
)
_DEVICES = _word(
    r"\b((NVIDIA |GeForce |Tesla )*((RTX|GTX) ?(A?\d{4})( ?Ti| Super)?"
    r"|A100|V100|H100|A6000|A40|T4|P100|L40S?|TITAN \w+))\b"
)
YES, NO = _word(r"\b(yes|used)\b"), _word(r"\b(no|none|not|without|n/?a)\b")


def figures(passages: list[Passage], team_names: Collection[str] = ()) -> list[ProposedClaim]:
    """All proposed claims, in the order of the text. team_names: of the team and its method, known from elsewhere."""
    found: list[ProposedClaim] = []
    header: tuple[str, ...] = ()
    for passage in passages:
        if passage.cells:
            if _is_header(passage.cells):
                header = passage.cells
            elif header and len(header) == len(passage.cells) and _is_own(passage.cells, team_names):
                found += _row(header, passage)
            continue
        found += [*_numbers(passage), *_quality(passage), *_words(passage)]
    return found


_PSNR = _word(r"\bPSNR\b")


def _is_header(cells: tuple[str, ...]) -> bool:
    named = sum(
        any(one.word.search(cell) for one in _QUANTITIES) or bool(_PSNR.search(cell)) for cell in cells
    )
    return named >= 1 and not any(re.fullmatch(NUMBER, cell.strip()) for cell in cells[1:])


def _is_own(cells: tuple[str, ...], team_names: Collection[str]) -> bool:
    label = cells[0]
    return bool(OURS.search(label)) or any(name and name.lower() in label.lower() for name in team_names)


def _row(header: tuple[str, ...], passage: Passage) -> Iterator[ProposedClaim]:
    """The team's own row of a table: the unit may stand in the title or in the cell."""
    for title, cell in zip(header[1:], passage.cells[1:], strict=True):
        unit = re.search(r"[\[(]([A-Za-z]+)[\])]", title)
        text = f"{title.split('[')[0].split('(')[0].strip()}: {cell}" + (f" {unit.group(1)}" if unit else "")
        split = re.search(r"\b(val|valid|validation|test)\b", title, re.IGNORECASE)
        line = Passage(f"{split.group(1) + ' ' if split else ''}{text}", passage.place)
        for one in [*_numbers(line), *_quality(line)]:
            yield ProposedClaim(one.field, one.value, passage.text, passage.place, STATED)


def _numbers(passage: Passage) -> Iterator[ProposedClaim]:
    """Figures of cost. In a list of several, each number belongs to the nearest word, in a pattern that repeats."""
    if NO_CLAIM.search(passage.text):
        return
    for quantity in _QUANTITIES:
        for word in quantity.word.finditer(passage.text):
            value = _beside(quantity, passage.text, word)
            if value is not None:
                yield ProposedClaim(
                    quantity.field, value, passage.text, passage.place, _confidence(passage.text, word)
                )
                break


def _confidence(text: str, word: re.Match[str]) -> float:
    return STATED if re.match(r"[^.]{0,40}?[:=]", text[word.end() :]) else IN_SENTENCE


def _beside(quantity: _Quantity, text: str, word: re.Match[str]) -> float | None:
    """The number that belongs to a quantity's word: `0.66 M parameters`, `parameters (M): 0.66`, and the like."""
    others = [one for other in _QUANTITIES if other is not quantity for one in other.word.finditer(text)]
    ends = [one.start() for one in others if one.start() >= word.end()]
    starts = [one.end() for one in others if one.end() <= word.start()]
    after = text[word.end() : min(ends, default=len(text))]
    before = text[max(starts, default=0) : word.start()]
    title_unit = re.match(r"\s*[\[(]\s*([A-Za-z]+)\s*[\])]", after)
    near_before = list(_values(quantity, before, None))
    if near_before and re.fullmatch(r"[\s,(]*(of|the|is|a)?\s*(GPU )?", before[near_before[-1][1] :]):
        return near_before[-1][0]  # directly before: `0.66 M parameters`
    for value, end in _values(quantity, after, title_unit.group(1) if title_unit else None):
        if RELATIVE.search(after[:end]) or after[end : end + 2].lstrip().startswith("%"):
            return None
        return value
    return None


def _values(quantity: _Quantity, text: str, title_unit: str | None) -> Iterator[tuple[float, int]]:
    """Numbers with a unit that fits, in the field's unit, and where each ends."""
    units = "|".join(sorted((re.escape(unit) for unit in quantity.units if unit), key=len, reverse=True))
    for match in re.finditer(rf"{NUMBER}\s*(?:({units})(?:FLOPs|MACs|Params)?(?![A-Za-z])|(?![\w%]))", text):
        unit = match.group(2) or title_unit
        if unit is None and (not quantity.bare or text[match.end() :].lstrip().startswith(("%", "dB"))):
            continue
        if unit is not None and unit not in quantity.units:
            continue
        number = float(match.group(1).replace(",", ""))
        factor = quantity.units.get(unit or "", 1.0)
        if unit is None and quantity.field == "params_m" and number < 1000:
            factor = 1.0  # `parameters: 0.66` is in millions
        value = number * factor
        if quantity.bounds[0] <= value <= quantity.bounds[1]:
            yield float(f"{value:.12g}"), match.end()


PSNR_PAIR = re.compile(rf"{NUMBER}\s*(?:dB)?\s*/\s*{NUMBER}")
_SPLITS = {
    "valid": _word(r"\bval(id(ation)?)?\b"),
    "test": _word(r"\btest(ing)?\b"),
}


def _quality(passage: Passage) -> Iterator[ProposedClaim]:
    """PSNR and SSIM on the validation and test sets."""
    for metric, low, high, field in (("PSNR", 15.0, 60.0, "psnr_{}_db"), ("SSIM", 0.3, 1.0, "ssim_{}")):
        word = re.search(metric, passage.text, re.IGNORECASE)
        if word is None or NO_CLAIM.search(passage.text):
            continue
        rest, first = passage.text, word.start() if metric == "SSIM" else 0
        numbers = [
            (float(one.group(1)), one)
            for one in re.finditer(NUMBER, rest)
            if one.start() >= first
            and low <= float(one.group(1).replace(",", "")) <= high
            and "." in one.group(1)
        ]
        if not numbers or RELATIVE.search(rest[: numbers[0][1].start()]):
            continue
        for split, value, sure in _by_split(rest, numbers):
            confidence = STATED if sure and ":" in rest else IN_SENTENCE if sure else UNSURE
            yield ProposedClaim(field.format(split), value, passage.text, passage.place, confidence)


def _by_split(text: str, numbers: list[tuple[float, re.Match[str]]]) -> Iterator[tuple[str, float, bool]]:
    named = sorted(
        (word.start(), split) for split, pattern in _SPLITS.items() for word in pattern.finditer(text)
    )
    order = list(dict.fromkeys(split for _, split in named))
    if len(numbers) >= 2 and (PSNR_PAIR.search(text) or len(order) == 2):
        for split, (value, _) in zip(order if len(order) == 2 else ("valid", "test"), numbers, strict=False):
            yield split, value, True
    elif order:
        yield order[0], numbers[0][0], True
    else:
        yield "valid", numbers[0][0], False  # challenges before the test phase mean the validation set


def _words(passage: Passage) -> Iterator[ProposedClaim]:
    """Devices, training data, additional data."""
    text = passage.text
    device, training = _DEVICES.search(text), re.search(r"\b(train|fine-?tun)", text, re.IGNORECASE)
    measuring = re.search(r"time|inference|latency|measur|evaluat|test", text, re.IGNORECASE)
    if device and measuring and not training and not NO_CLAIM.search(text):
        yield ProposedClaim("device", device.group(1).strip(), text, passage.place, IN_SENTENCE)
    known = tuple(name for name in DATASETS if re.search(rf"\b{name}\b", text))
    if known and training:
        yield ProposedClaim("training_data", known, text, passage.place, IN_SENTENCE)
    extra = re.search(r"\b(extra|additional) (training )?data\b[^:?]*[:?]?\s*(.*)", text, re.IGNORECASE)
    if extra and "[1]" not in text:
        answer = extra.group(3) or text
        if NO.search(answer) or re.search(r"\b(no|without|any) (extra|additional)", text, re.IGNORECASE):
            yield ProposedClaim("extra_data", False, text, passage.place, STATED)
        elif YES.search(answer):
            yield ProposedClaim("extra_data", True, text, passage.place, IN_SENTENCE)
