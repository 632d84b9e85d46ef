"""Two records compared: environment, numbers, files and pixels."""

from __future__ import annotations

from typing import Any

import pytest

from eval.records.schema import ImageResult, ModeResult, Record, SubmissionInfo
from eval.reproduction.moved import record_differences, repeats_images

MACHINE = {
    "system": "Debian 12", "cpu": "one", "cores": 8, "gpu": {"name": "RTX 3090", "driver": "550.1"},
    "packages": {"torch": "2.5.1+cu124", "nvidia-cudnn-cu12": "9.1", "numpy": "1.26"},
    "settings": {"OMP_NUM_THREADS": "default"},
}  # fmt: skip
A, B = "a" * 64, "b" * 64


def record(psnr: float = 27.0, digest: str | None = A, names: str = "xy", **machine: Any) -> Record:
    images = [ImageResult(name=name, metrics={"psnr": psnr}, sr_sha256=digest) for name in names]
    return Record(
        challenge="esr2024",
        submission=SubmissionInfo(model="42_Net"),
        status="ok",
        modes={"valid": ModeResult(images=images)},
        machine={**MACHINE, **machine},
    )


def rows(before: Record, after: Record) -> dict[str, tuple[str, str, str]]:
    return {one.what: (one.before, one.after, one.verdict) for one in record_differences(before, after)}


def test_equal_records_differ_in_nothing_and_have_the_same_pixels() -> None:
    found = record_differences(record(), record())
    assert [(one.part, one.verdict) for one in found] == [("pixels", "same")] and repeats_images(found)


@pytest.mark.parametrize(
    ("machine", "what", "before", "after"),
    [
        ({"system": "Ubuntu"}, "operating system", "Debian 12", "Ubuntu"),
        ({"cpu": "two"}, "processor", "one", "two"),
        ({"gpu": {"name": "RTX 3090", "driver": "560"}}, "GPU driver", "550.1", "560"),
        ({"gpu": None}, "GPU", "RTX 3090", "none"),
        ({"packages": {**MACHINE["packages"], "nvidia-cudnn-cu12": "9.2"}}, "cuDNN", "9.1", "9.2"),
        ({"packages": {**MACHINE["packages"], "torch": "2.5.1+cu121"}}, "CUDA", "cu124", "cu121"),
        ({"packages": {**MACHINE["packages"], "numpy": "2.1"}}, "package numpy", "1.26", "2.1"),
        ({"settings": {"OMP_NUM_THREADS": "1"}}, "setting OMP_NUM_THREADS", "default", "1"),
    ],
)
def test_each_part_of_the_environment_is_named(
    machine: dict[str, Any], what: str, before: str, after: str
) -> None:
    assert rows(record(), record(**machine))[what] == (before, after, "differs")


def test_what_an_older_record_does_not_tell_is_unknown() -> None:
    found = rows(record(settings=None), record())
    assert found["setting OMP_NUM_THREADS"] == ("not recorded", "default", "unknown")
    assert rows(record(digest=None), record())["SR images of valid"][2] == "unknown"


def test_numbers_that_moved_and_images_with_other_pixels_are_named() -> None:
    found = record_differences(record(), record(26.5, B))
    named = {one.what: one for one in found}
    assert (named["psnr of valid"].before, named["psnr of valid"].after) == ("27", "26.5")
    assert named["SR images of valid"].after == "2 of 2 differ: x, y" and not repeats_images(found)


def test_without_digests_quality_decides() -> None:
    assert repeats_images(record_differences(record(digest=None), record()))
    assert not repeats_images(record_differences(record(digest=None), record(27.01)))


def test_images_that_only_one_record_has_are_not_called_equal() -> None:
    assert rows(record(names="x"), record(names="xy"))["SR images of valid"][2] == "unknown"
