"""Broken submissions: the first complaint is the right one and names what to change."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

from eval.cli.options import parser
from eval.cli.planning import build_plan
from eval.harness.plan import Plan
from eval.harness.progress import Lines
from eval.validation.checklist import Validation
from eval.validation.item import Item
from eval.validation.manifest_checks import ManifestFiles
from tests.eval.validation.pictures import coloured_pair

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BROKEN: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("broken.toml").read_text(encoding="utf-8")
)
MANIFEST = {
    "id": "42",
    "team": "'Toys'",
    "name": "'Net'",
    "class": "'Net'",
    "data_range": "255.0",
    "checkpoint": "{ file = 'team42.pth' }",
}
SCRIPT = '''import torch
from torch import nn
{head}

class Net(nn.Module):
    """Bicubic enlargement."""
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        {body}
        return nn.functional.interpolate(x.float(), scale_factor=4, mode="bicubic") * self.gain.float()
'''
BRANCH = SCRIPT.replace(
    "        self.gain", "        self.branch = nn.Parameter(torch.ones(9))\n        self.gain"
)
GAIN = {"gain": torch.ones(1)}
WEIGHTS: dict[str, Any] = {
    "plain": GAIN,
    "nested": {"params_ema": GAIN},
    "module": {"module.gain": torch.ones(1)},
    "compiled": {"_orig_mod.gain": torch.ones(1)},
    "lightning": {"epoch": 3, "state_dict": {"net.gain": torch.ones(1)}},
    "pickled": nn.Linear(1, 1),
    "wide": {"gain": torch.ones(2)},
    "surplus": {**GAIN, "branch.weight": torch.ones(2)},
    "branch": {**GAIN, "branch": torch.ones(9)},
}
NO_CHECKPOINTS = {
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "team42.pth"),
    "page": (b"<!DOCTYPE html><html></html>", "team42.pth"),
    "safetensors": (b"\x09\0\0\0\0\0\0\0{}", "team42.safetensors"),
}


def write(folder: Path, case: dict[str, Any]) -> Path:
    """The sound submission in `folder`, broken as the case says; its manifest."""
    fields = {name: text for name, text in MANIFEST.items() if name not in case.get("drop", ())}
    fields |= {line.partition(" = ")[0]: line.partition(" = ")[2] for line in case.get("manifest", ())}
    name = case.get("name", "team42_Net")
    manifest = folder / f"{name}.toml"
    manifest.write_text("".join(f"{field} = {text}\n" for field, text in fields.items()))
    script = {"branch": BRANCH}.get(case.get("script", ""), case.get("script", SCRIPT))
    filled = script.replace("{head}", case.get("head", "")).replace("{body}", case.get("body", "pass"))
    (folder / f"{name}.py").write_text(filled)
    save(folder, case.get("weights", "plain"))
    for file, text in case.get("files", {}).items():
        (folder / file).write_text(text)
    return manifest


def save(folder: Path, weights: str) -> None:
    if weights in NO_CHECKPOINTS:
        content, name = NO_CHECKPOINTS[weights]
        (folder / name).write_bytes(content)
    else:
        torch.save(WEIGHTS[weights], folder / "team42.pth")


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """Plans on one coloured pair each: of odd size, and of sides that are multiples of 8."""
    sides = {"odd": (53, 61), "even": (56, 64)}
    return {kind: plan(coloured_pair(tmp_path_factory.mktemp(kind), side)) for kind, side in sides.items()}


def plan(pairs: tuple[Path, Path]) -> Plan:
    options = ["--pairs", *pairs, "--device", "cpu", "--protocol", "ntire"]
    return build_plan(parser().parse_args([str(option) for option in options]))


def complaints(manifest: Path, plan: Plan, *, judge: bool = False) -> Iterator[Item]:
    """What is not fine, in its order; the rest is not checked once the caller stops."""
    validation = Validation(plan, Lines(Console(quiet=True)), budget_s=20, quick=not judge)
    with contextlib.closing(validation.manifest(ManifestFiles(manifest))) as found:  # type: ignore[type-var]
        yield from (item for item in found if item.verdict in ("warning", "problem"))


def parameters() -> list[Any]:
    return [
        pytest.param(case, id=name, marks=[pytest.mark.slow] if case.get("slow") else [])
        for name, case in BROKEN.items()
    ]


@pytest.mark.parametrize("case", parameters())
def test_the_first_complaint_is_the_right_one(
    tmp_path: Path, plans: dict[str, Plan], case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not case.get("worker"):
        monkeypatch.setattr("eval.validation.session.WorkerProcess", None)  # starting one would fail
    manifest = write(tmp_path, case)
    found = complaints(manifest, plans[case.get("pairs", "odd")], judge=case.get("judge", False))
    first = next(found)
    found.close()  # type: ignore[attr-defined]
    assert (first.check, first.verdict) == (case["check"], case.get("verdict", "problem")), first
    assert re.search(re.escape(case["reason"]), first.reason), first
    assert re.search(re.escape(case["cure"]), first.cure), first


def test_the_sound_one_has_no_complaint(tmp_path: Path, plans: dict[str, Plan]) -> None:
    assert list(complaints(write(tmp_path, {}), plans["odd"])) == []


def test_at_least_thirty_are_seen_by_default() -> None:
    assert sum(not case.get("slow") for case in BROKEN.values()) >= 30
