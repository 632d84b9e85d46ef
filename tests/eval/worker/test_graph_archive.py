"""Archives of traced networks: what is not an operator that can be watched is refused before torch reads it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from eval.worker.adapters import graph_archive
from eval.worker.adapters.loaded_model import LoadError


class Honest(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 48, 3, padding=1)
        self.mean = [torch.rand(3, 1, 1)]

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pixel_shuffle(self.conv(x - self.mean[0]), 4).clamp(0, float("inf"))


class OfAnotherVersion(Honest):
    """torch keeps the version of this archive elsewhere: the form of an operator in it is newer."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.gelu(super().forward(x))


def saved(module: torch.jit.ScriptModule) -> bytes:
    content = io.BytesIO()
    torch.jit.save(module, content)
    return content.getvalue()


HONEST = saved(torch.jit.trace(Honest().eval(), torch.rand(1, 3, 8, 8)))


def changed(edit: Callable[[str, bytes], bytes], more: dict[str, bytes] | None = None) -> bytes:
    """The honest archive with its members edited, and more members."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(HONEST)) as source, zipfile.ZipFile(content, "w") as target:
        for name in source.namelist():
            target.writestr(name, edit(name, source.read(name)))
        for name, data in (more or {}).items():
            target.writestr(name, data)
    return content.getvalue()


def in_sources(old: str, new: str) -> bytes:
    return changed(
        lambda name, data: data.replace(old.encode(), new.encode()) if name.endswith(".py") else data
    )


class RunsWhenRead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.eye(3)

    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool]:
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.weight = state[0] @ state[0]
        self.training = state[1]

    def forward(self, x: Tensor) -> Tensor:
        return x


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = torch.zeros(1)

    def forward(self, x: Tensor) -> Tensor:
        self.last = x
        return x


@pytest.mark.parametrize("kind", [Honest, OfAnotherVersion])
def test_a_trace_passes_and_computes_the_same(kind: type[nn.Module]) -> None:
    image = torch.rand(1, 3, 8, 8)
    content = saved(torch.jit.trace(kind().eval(), image))
    before, after = (torch.jit.load(io.BytesIO(one)) for one in (content, graph_archive.checked(content)))
    assert torch.equal(before(image), after(image))


REFUSED = {
    "a kernel below every watcher": (in_sources("torch.sub(", "ops.prim.mkldnn_convolution("), "mkldnn_convolution"),
    "operators of another library": (in_sources("torch.sub(", "ops.quantized.conv2d("), "quantized::conv2d"),
    "a method nobody calls": (
        in_sources("class Honest(", "class Other(Module):\n  def idle(self):\n    return ops.mkl.f(1)\nclass Honest("),
        "mkl::f",
    ),
    "another thread": (in_sources("torch.sub(x", "fork(x"), "fork"),
    "a class that is found later": (in_sources("Honest(Module)", "Honest(Interface)"), "a class of Interface"),
    "an object of torch's classes": (
        changed(lambda name, data: data + b"torch.classes" if name.endswith("data.pkl") else data),
        "an object of torch.classes",
    ),
    "torch's classes in a source": (in_sources("torch.sub(", "__torch__.torch.classes.q.f("), "torch.classes"),
    "no source": (in_sources("class Honest", "clas Honest"), "is no source"),
    "code that runs when it is read": (saved(torch.jit.script(RunsWhenRead())), "__setstate__"),
    "hooks": (in_sources("  __buffers__ = []", '  __forward_hooks__ = ["f", ]'), "__forward_hooks__"),
    "memory between calls": (saved(torch.jit.script(Remembers())), "prim::SetAttr"),
    "two archives": (changed(lambda _name, data: data, {"other/code/a.py": b"x = 1"}), "expected one archive"),
    "a member twice": (
        changed(lambda _name, data: data, {zipfile.ZipFile(io.BytesIO(HONEST)).namelist()[0]: b"x"}),
        "each member once",
    ),
    "no archive": (b"no archive", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_everything_else_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        graph_archive.checked(content)


def test_members_that_torch_would_read_otherwise_are_left_out() -> None:
    content = graph_archive.checked(
        changed(lambda _name, data: data, {"archive/bytecode.pkl": b"x", "archive/extra/y": b"z"})
    )
    assert not any(
        "bytecode" in name or "extra" in name for name in zipfile.ZipFile(io.BytesIO(content)).namelist()
    )
