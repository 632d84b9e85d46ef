"""Which numbers, files and pixels of two records differ."""

from __future__ import annotations

from collections.abc import Iterator

from eval.records.schema import Artifact, Complexity, ModeResult, Record
from eval.reproduction.environment import Moved, compared, environment_differences

STATIC = tuple(
    name for name in ("params_m", "flops_g", "activations_m", "num_conv") if name in Complexity.model_fields
)
DIGITS = 9  # of a figure: below that, two records hold the same number
_SHOWN = 5


def record_differences(before: Record, after: Record) -> list[Moved]:
    """All that differs between two records of one submission, and whether their pixels are the same."""
    found = [*_submission(before, after), *_numbers(before, after)]
    return [
        *environment_differences(before, after),
        *(one for one in found if one.verdict != "same"),
        *(_pixels(split, before, after) for split in {**before.modes, **after.modes}),
    ]


def repeats_images(found: list[Moved]) -> bool:
    """Whether the second record has the first one's images: equal pixels or, if these are not known, equal quality.

    Runtime and memory are other measurements each time, so they do not count.
    """
    pixels = [one for one in found if one.part == "pixels"]
    if any(one.verdict == "differs" for one in pixels) or not pixels:
        return False
    numbers = [
        one for one in found if one.part == "numbers" and not one.what.startswith(("runtime", "memory"))
    ]
    return not any(one.verdict != "same" for one in numbers)


def _submission(before: Record, after: Record) -> Iterator[Moved]:
    yield compared("submission", "model", before.model, after.model)
    yield compared("submission", "challenge", before.challenge, after.challenge)
    for name in ("script", "manifest", "checkpoint"):
        files: list[Artifact | None] = [getattr(one.submission, name) for one in (before, after)]
        yield compared("submission", f"{name} (sha256)", *(one.sha256 if one else None for one in files))
    for split in {**before.image_digests, **after.image_digests}:
        digests = [one.image_digests.get(split) for one in (before, after)]
        yield compared("submission", f"HR images of {split} (sha256)", *digests)


def _numbers(before: Record, after: Record) -> Iterator[Moved]:
    yield compared("numbers", "status", before.status, after.status)
    for split in {**before.modes, **after.modes}:
        first, second = before.modes.get(split), after.modes.get(split)
        for metric in dict.fromkeys((*_metrics(first), *_metrics(second))):
            values = [_figure(one.mean(metric)) if one else None for one in (first, second)]
            yield compared("numbers", f"{metric} of {split}", *values)
        for name, figure in (("runtime_ms", ModeResult.mean_runtime_ms), ("memory_mib", _memory)):
            values = [_figure(figure(one)) if one else None for one in (first, second)]
            yield compared("numbers", f"{name} of {split}", *values)
    for name in STATIC:
        values = [_figure(getattr(one.complexity, name, None)) for one in (before, after)]
        yield compared("numbers", name, *values)


def _memory(result: ModeResult) -> float | None:
    return result.memory_mib


def _metrics(result: ModeResult | None) -> list[str]:
    return (
        list(result.images[0].metrics) if result and result.images else list(result.means if result else ())
    )


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.{DIGITS}g}"


def _pixels(split: str, before: Record, after: Record) -> Moved:
    """Whether the SR images of a split are the same, by their digests; the images that are not are named."""
    results = [one.modes[split].images if split in one.modes else [] for one in (before, after)]
    first, second = ({image.name: image.sr_sha256 for image in images} for images in results)
    common = [name for name in first if name in second]
    what = f"SR images of {split}"
    if not common or any(not digests[name] for digests in (first, second) for name in common):
        return Moved("pixels", what, _count(first), _count(second), "unknown")
    other = [name for name in common if first[name] != second[name]]
    if other:
        named = ", ".join(other[:_SHOWN]) + (", ..." if len(other) > _SHOWN else "")
        return Moved(
            "pixels", what, _count(first), f"{len(other)} of {len(common)} differ: {named}", "differs"
        )
    if len(common) < max(len(first), len(second)):
        return Moved("pixels", what, _count(first), f"{len(common)} in both, all equal", "unknown")
    return Moved("pixels", what, _count(first), f"all {len(common)} equal", "same")


def _count(digests: dict[str, str | None]) -> str:
    return f"{sum(digest is not None for digest in digests.values())} digests of {len(digests)} images"
