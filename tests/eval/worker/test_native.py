"""Native submissions: their classes, the files beside them, the padding that is counted, and what failures say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from eval.integrity.complexity import doubts, scored_figure
from eval.protocol.job import CheckpointPart, NativeSource, RepositorySource
from eval.worker import failure_reasons
from eval.worker.adapters import native
from eval.worker.adapters.loaded_model import LoadedModel, LoadError, Setting
from eval.worker.counters import counting

CPU = torch.device("cpu")
SETTING = Setting(CPU, 4)
WINDOWED = """
import torch
from torch import nn
from torch.nn import functional as F

class Windowed(nn.Module):
    \"\"\"Works in windows of 12 pixels: other sides are an error.\"\"\"

    def __init__(self):
        super().__init__()
        self.up = nn.Conv2d(3, 48, 3, padding=1)

    def forward(self, x):
        b, c, h, w = x.shape
        y = x.reshape(b, c, h // 12, 12, w // 12, 12).reshape(b, c, h, w)
        return F.pixel_shuffle(self.up(y), 4)

class Helper(nn.Module):
    pass

def helper():
    return 0
"""


@pytest.fixture(autouse=True)
def _imports_restored() -> Iterator[None]:
    """What a script imports is gone after the test."""
    finders, modules = list(sys.meta_path), set(sys.modules)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in ("aside", "parts") or name.startswith(("models.team77", "models.aside")):
            del sys.modules[name]


def source(folder: Path, script: str, class_: str = "Windowed", **more: object) -> NativeSource:
    path = folder / "team77_Net.py"
    path.write_text(script)
    return NativeSource(script=str(path), class_=class_, data_range=1.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("multiple", "side", "crop"), [(12, 264, (72, 324)), (24, 264, (72, 336))])
def test_padding_is_part_of_what_is_counted(
    tmp_path: Path, multiple: int, side: int, crop: tuple[int, int]
) -> None:
    loaded = native.load(source(tmp_path, WINDOWED, pad_multiple=multiple), SETTING)
    found = counting.count(loaded.model, 1.0, CPU, torch.rand(3, 64, 320))
    per_pixel = 27 * 48
    assert found.fvcore.macs == scored_figure(found).macs == side * side * per_pixel
    assert found.crop is not None and found.crop.macs == crop[0] * crop[1] * per_pixel
    assert found.parameters == per_pixel + 48 and found.uncalled == ()
    assert doubts(found) == []


def test_tiles_are_part_of_what_is_counted(tmp_path: Path) -> None:
    script = WINDOWED.replace("12", "1")
    loaded = native.load(source(tmp_path, script, tile=64, tile_overlap=0), SETTING)
    assert counting.count(loaded.model, 1.0, CPU, None).fvcore.macs == 256 * 256 * 27 * 48
    loaded = native.load(source(tmp_path, script, tile=160, tile_overlap=64), SETTING)
    assert counting.count(loaded.model, 1.0, CPU, None).fvcore.macs == 4 * 160 * 160 * 27 * 48


def test_a_network_without_padding_is_counted_bare(tmp_path: Path) -> None:
    loaded = native.load(source(tmp_path, WINDOWED), SETTING)
    assert loaded.forward is loaded.model


@pytest.mark.parametrize(
    ("class_", "message"),
    [
        ("Windowd", r"no 'Windowd' \(manifest field 'class'\); did you mean 'Windowed'\? It defines: Windowed, Helper"),
        ("Elsewhere", r"defines no 'Elsewhere' .*; It defines: Windowed, Helper"),
        ("helper", "'helper' made a int, expected a torch.nn.Module"),
    ],
)  # fmt: skip
def test_a_wrong_class_is_answered_with_those_there_are(tmp_path: Path, class_: str, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        native.load(source(tmp_path, WINDOWED, class_), SETTING)


def test_wrappers_prefixes_are_noted(tmp_path: Path) -> None:
    first = native.load(source(tmp_path, WINDOWED), SETTING)
    state = {f"module.{name}": value for name, value in first.model.state_dict().items()}
    torch.save(state, tmp_path / "a.pth")
    part = CheckpointPart("", str(tmp_path / "a.pth"))
    loaded = native.load(source(tmp_path, WINDOWED, checkpoints=(part,)), SETTING)
    assert loaded.notes == ("checkpoint a.pth: the prefix 'module.' was taken off every name",)


HELPED = """
from torch import nn
{imports}

class Windowed(nn.Module):
    def __init__(self):
        super().__init__()
        self.answer = {answer}
"""


@pytest.mark.parametrize(
    ("imports", "answer", "files"),
    [
        ("import aside", "aside.VALUE", ["aside.py"]),
        ("from .aside import VALUE", "VALUE", ["aside.py"]),
        ("from models.aside import VALUE", "VALUE", ["aside.py"]),
        ("import parts.aside", "parts.aside.VALUE", ["parts/aside.py"]),
        ("from parts import VALUE", "VALUE", ["parts/__init__.py"]),
    ],
)
def test_files_beside_the_script_are_imported_if_listed(
    tmp_path: Path, imports: str, answer: str, files: list[str]
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("VALUE = 42\n")
    script = HELPED.format(imports=imports, answer=answer)
    with pytest.raises(ModuleNotFoundError):
        native.load(source(tmp_path, script), SETTING)
    listed = tuple(str(tmp_path / file) for file in files)
    loaded: LoadedModel = native.load(source(tmp_path, script, files=listed), SETTING)
    assert loaded.model.answer == 42


@pytest.mark.parametrize(
    ("imports", "message"),
    [
        ("import aside_of_mine", 'beside the script, list it in the manifest: files = ["aside_of_mine.py"]'),
        ("from .aside import VALUE", "imports 'models.aside', which is no module that submissions share"),
        ("import models.sub.aside", 'list it in the manifest: files = ["sub.py"]'),
        ("open('table.npz')", 'list it in the manifest: files = ["table.npz"]'),
        ("import os; open(os.path.join(os.path.dirname(__file__), 'table.npz'))", 'files = ["table.npz"]'),
        ("open('/nowhere/table.npz')", "No such file or directory: '/nowhere/table.npz' (at team77_Net.py:3)"),
    ],
)  # fmt: skip
def test_a_missing_helper_is_told_how_to_be_listed(tmp_path: Path, imports: str, message: str) -> None:
    one = source(tmp_path, HELPED.format(imports=imports, answer=0))
    with pytest.raises((ModuleNotFoundError, FileNotFoundError)) as caught:
        native.load(one, SETTING)
    text = failure_reasons.reason(caught.value, one)
    assert message in text and "'models', which is not installed" not in text


def test_a_missing_package_of_a_repository_is_a_package() -> None:
    error = ModuleNotFoundError("No module named 'x'", name="basicsr.archs")
    where = RepositorySource(repo="/r", entry="/r/test_demo.py", model_id=1)
    assert (
        failure_reasons.reason(error, where) == "needs the Python package 'basicsr', which is not installed"
    )


def test_a_size_that_does_not_fit_names_the_size_and_the_field(tmp_path: Path) -> None:
    one = source(tmp_path, WINDOWED)
    loaded = native.load(one, SETTING)
    with pytest.raises(RuntimeError) as caught:
        loaded.forward(torch.rand(1, 3, 20, 30))
    text = failure_reasons.reason(caught.value, one, (20, 30))
    assert "the image is 30x20" in text and "set `pad_multiple` in the manifest" in text
    padded = source(tmp_path, WINDOWED, pad_multiple=12)
    assert "pad_multiple" not in failure_reasons.reason(caught.value, padded, (20, 30))
    assert "pad_multiple" not in failure_reasons.reason(RuntimeError("weights are odd"), one, (20, 30))


@pytest.mark.parametrize(
    ("found", "hint"),
    [
        ((1, 3, 40, 60), "; it looks like a network for x2, the challenge is x4"),
        ((1, 3, 20, 30), "; it looks like a network for x1, the challenge is x4"),
        ((1, 3, 81, 120), ""),
        ((1, 3, 40, 90), ""),
        ((3, 80), ""),
    ],
)
def test_a_network_of_another_scale_is_told(found: tuple[int, ...], hint: str) -> None:
    assert failure_reasons.scale_hint(found, (1, 3, 80, 120), 4) == hint


def test_a_refused_compiler_is_named() -> None:
    code = compile("raise PermissionError(1, 'Operation not permitted')", "/x/torch/_inductor/a.py", "exec")
    with pytest.raises(PermissionError) as caught:
        exec(code)
    text = failure_reasons.reason(caught.value)
    assert text.startswith("torch.compile starts a compiler, which submissions may not; take it out")
