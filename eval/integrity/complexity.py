"""Flags about what a worker counted, and the figure that scores.

Pure functions on counts, without torch: the worker only reports, the parent decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.text import largest_counts
from eval.protocol.complexity_report import (
    CROP_HEIGHT,
    CROP_WIDTH,
    SIZE,
    CountedComplexity,
    Counter,
    PassCounts,
)
from eval.protocol.operators import heavy_operators
from eval.records.flags import FlagName
from eval.records.schema import Flag

# fvcore and torch differ by what they give interpolation and normalisation: under 1% for the 2024 systems
# whose convolutions fvcore all knows (RLFN, SlimRLFN, EERN). 10% leaves room and still shows MSN's 12%,
# which is real: fvcore counts its convolutions with padding="same" as zero.
COUNTER_FACTOR = 1.1
# A share of weights below this is taken for normalisation statistics, fixed filters and the like.
WEIGHT_SHARE = 0.05
# Work per pixel may differ this much between 256x256 and 64x320: borders, pooled branches, one global layer.
SIZE_FACTOR = 1.25
# Products that a sum takes up count from this share of the other work on. Gates, scales and residuals stay below it.
PRODUCT_SHARE = 0.1
# Elements that light operators may handle for each multiply-add. The 2024 systems have at most 0.11, windowed
# transformers 0.04. Work that is written as sums, logarithms or scales has at least one for each multiply-add.
TOUCHED_SHARE = 0.5
# A product that is summed handles its elements twice, or once more if the sum is divided.
TOUCHED_PER_PRODUCT = 3
# Share of the work that the official counter must see itself. Transformers of fused attention alone have 0.15.
OFFICIAL_SHARE = 0.05


@dataclass(frozen=True)
class Figure:
    """The FLOPs that score, in multiply-adds. counter: whose they are. added: what fvcore's own figure lacks."""

    macs: int | None
    counter: str
    added: int = 0


def scored_figure(complexity: CountedComplexity) -> Figure:
    """fvcore's figure and, for operators that it does not know, the work by known formulas.

    If fvcore failed, the figure of torch's counter stands in for it. Products that sums take up are added from
    `PRODUCT_SHARE` on.
    """
    official, other = complexity.fvcore, complexity.torch
    known = official.macs is not None
    macs = official.macs if known else other.macs
    if macs is None:
        return Figure(None, "fvcore")
    added = sum(official.added.values()) if known else 0
    added += counted_products(complexity.noise, macs + added)
    return Figure(macs + added, "fvcore" if known else "torch", added)


def counted_products(counts: PassCounts | None, macs: int) -> int:
    """Products of a pass that did `macs` besides: all of them if they are a large share, otherwise none."""
    return counts.products if counts is not None and counts.products > PRODUCT_SHARE * macs else 0


def doubts(complexity: CountedComplexity) -> list[Flag]:
    """All flags that the counts alone raise, one per name: several reasons are joined."""
    reasons: dict[FlagName, list[str]] = {
        FlagName.COMPLEXITY_NOT_ESTABLISHED: [
            *_counter_reasons(complexity),
            *_input_reasons(complexity),
            *_touched_reasons(complexity),
            *_official_reasons(complexity),
        ],
        FlagName.WORK_ADDED: _added_reasons(complexity),
        FlagName.ANOTHER_COUNTER: _replaced_reasons(complexity),
        FlagName.OPERATORS_UNCOUNTED: _minor_reasons(complexity),
        FlagName.CONVOLUTIONS_UNCOUNTED: _conv_reasons(complexity.noise),
        FlagName.PARAMETERS_ELSEWHERE: _elsewhere_reasons(complexity),
        FlagName.PARAMETERS_UNUSED: _unused_reasons(complexity),
    }
    return [name.because("; ".join(found)) for name, found in reasons.items() if found]


def _counter_reasons(complexity: CountedComplexity) -> list[str]:
    if complexity.failure:
        return [f"the network failed on noise of 3x256x256: {complexity.failure}"]
    reasons = []
    for name, counter in (("fvcore", complexity.fvcore), ("torch's counter", complexity.torch)):
        if counter.macs is None and not (name == "fvcore" and complexity.torch.macs):
            reasons.append(f"{name} failed: {counter.reason}")
        elif counter.macs == 0 and not counter.added:
            reasons.append(f"{name} saw no operation that it counts")
        if _opaque(counter) and not (name == "fvcore" and _agree(complexity)):
            reasons.append(f"{name} counts as zero: {_listed(counter)}")
    first, second = _known(complexity.fvcore), complexity.torch.macs
    if first and second and not _agree(complexity):
        reasons.append(f"fvcore counts {_giga(first)}, torch's counter {_giga(second)}")
    return reasons


def light_work(macs: int, products: int, touched: int) -> str:
    """Why light operators do too much beside `macs` multiply-adds, or nothing.

    touched: elements that they handled. products: products among them that a sum took up.
    """
    if touched <= TOUCHED_SHARE * macs + TOUCHED_PER_PRODUCT * products:
        return ""
    return (
        f"operators that count as zero handle {_giga(touched)} elements beside {_giga(macs)} multiply-adds, "
        "which may be work in another form"
    )


def _touched_reasons(complexity: CountedComplexity) -> list[str]:
    macs, noise = scored_figure(complexity).macs, complexity.noise
    if macs is None or noise is None:
        return []
    reason = light_work(macs, noise.products, noise.touched)
    return [reason] if reason else []


def _official_reasons(complexity: CountedComplexity) -> list[str]:
    official, figure = complexity.fvcore.macs, scored_figure(complexity)
    if official is None or not figure.added or official >= OFFICIAL_SHARE * (figure.macs or 0):
        return []
    return [
        f"the official counter sees {_giga(official)} of {_giga(figure.macs or 0)}: nearly all is by formulas"
    ]


def _known(counter: Counter) -> int | None:
    """Its own figure and the work of operators with a known formula."""
    return None if counter.macs is None else counter.macs + sum(counter.added.values())


def _opaque(counter: Counter) -> dict[str, int]:
    """Operators that may hide real work and have no formula."""
    found = heavy_operators(counter.unknown)
    return {name: times for name, times in found.items() if name not in counter.added}


def _agree(complexity: CountedComplexity) -> bool:
    """Whether fvcore and torch's counter, which sees inside what is opaque to fvcore, give about the same."""
    first, second = _known(complexity.fvcore), complexity.torch.macs
    return bool(first and second and max(first, second) <= COUNTER_FACTOR * min(first, second))


def _listed(counter: Counter) -> str:
    heavy = sorted(_opaque(counter).items())
    more = f" and {len(heavy) - 5} more" if len(heavy) > 5 else ""
    return ", ".join(f"{operator} ({times})" for operator, times in heavy[:5]) + more


def _added_reasons(complexity: CountedComplexity) -> list[str]:
    official = complexity.fvcore
    reasons = []
    if official.macs is not None and any(official.added.values()):
        names = ", ".join(f"{name} {_giga(macs)}" for name, macs in sorted(official.added.items()) if macs)
        reasons.append(f"fvcore alone has {_giga(official.macs)}; by formulas: {names}")
    base = _known(official) if official.macs is not None else complexity.torch.macs
    products = counted_products(complexity.noise, base) if base is not None else 0
    if products:
        reasons.append(f"products of tensors that are summed: {_giga(products)} beside {_giga(base or 0)}")
    return reasons


def _replaced_reasons(complexity: CountedComplexity) -> list[str]:
    official, other = complexity.fvcore, complexity.torch
    if complexity.failure or official.macs is not None or not other.macs:
        return []
    return [f"fvcore failed ({official.reason}); the FLOPs are those of torch's counter"]


def _minor_reasons(complexity: CountedComplexity) -> list[str]:
    """Operators that fvcore leaves out although torch's counter shows that little is missing."""
    first, second = _known(complexity.fvcore), complexity.torch.macs
    if not (first and second and _agree(complexity) and _opaque(complexity.fvcore)):
        return []
    return [
        f"fvcore counts as zero: {_listed(complexity.fvcore)}; "
        f"with them torch's counter has {_giga(second)}, "
        f"fvcore {_giga(first)}"
    ]


def _giga(macs: int) -> str:
    return f"{macs / 1e9:.4g} G"


def _input_reasons(complexity: CountedComplexity) -> list[str]:
    if complexity.crop_failure:
        return [f"the network failed on a crop of a real image: {complexity.crop_failure}"]
    reasons = []
    noise, crop, like_crop = complexity.noise, complexity.crop, complexity.crop_noise
    if crop is not None and crop != like_crop:
        reasons.append(
            f"the work depends on the input: {_work(like_crop)} on noise, {_work(crop)} on a real crop"
        )
    if noise is not None and crop is not None:
        there, here = noise.macs / SIZE**2, crop.macs / (CROP_HEIGHT * CROP_WIDTH)
        if max(there, here) > SIZE_FACTOR * min(there, here):
            reasons.append(
                f"the work depends on the size: {there / 1e3:.4g} k per pixel at {SIZE}x{SIZE}, "
                f"{here / 1e3:.4g} k at {CROP_HEIGHT}x{CROP_WIDTH}"
            )
    return reasons


def _work(counts: PassCounts | None) -> str:
    if counts is None:
        return "a failure"
    return f"{_giga(counts.macs)} in {counts.conv_calls} convolutions"


def _conv_reasons(noise: PassCounts | None) -> list[str]:
    if noise is None or noise.conv_calls <= noise.num_conv:
        return []
    missed = (noise.conv_elements - noise.activations) / 1e6
    return [
        f"{noise.conv_calls - noise.num_conv} of {noise.conv_calls} convolutions do not run as called "
        f"modules, so the official activations leave out {missed:.4g} M elements"
    ]


def _elsewhere_reasons(complexity: CountedComplexity) -> list[str]:
    elsewhere = complexity.weights_elsewhere
    if elsewhere <= WEIGHT_SHARE * complexity.parameters:
        return []
    return [f"{elsewhere} weights are used that are not in parameters(), which has {complexity.parameters}"]


def _unused_reasons(complexity: CountedComplexity) -> list[str]:
    unread = complexity.unread_parameters
    if complexity.noise is None or unread <= WEIGHT_SHARE * complexity.parameters:
        return []
    reason = f"{unread} of {complexity.parameters} parameters are never read in a forward pass"
    return [f"{reason}: {largest_counts(complexity.unread)}" if complexity.unread else reason]
