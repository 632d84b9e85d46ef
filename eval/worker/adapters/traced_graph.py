"""A network as the graph of its operators: written by the process that ran the team's code, run by one that did not.

Only the operators that made one image are in the graph, with the weights that they read. What a team's code did to
Python (patched functions, other counters, other clocks) is not, and cannot be.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import FunctionCtx

from eval.protocol.job import TracedSource
from eval.worker.adapters import graph_archive
from eval.worker.adapters.loaded_model import LoadedModel, LoadError, Setting, Whole


class Traced(torch.nn.Module):
    """A graph, run as it is written: nothing fused, so that each operator can be counted."""

    def __init__(self, graph: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, image: torch.Tensor) -> Any:
        with torch.jit.optimized_execution(False):
            return self.graph(image)


def traced(loaded: LoadedModel, image: torch.Tensor) -> bytes:
    """TorchScript of the operators that turn `image` (float32 1x3xHxW) into its answer.

    Raises LoadError for operators that cannot be written down, and whatever the network raises.
    """
    content = io.BytesIO()
    with warnings.catch_warnings(), _transparent_functions():
        # Branches and sizes that the trace fixes are warned of: one image is all it is for
        warnings.simplefilter("ignore")
        graph = torch.jit.trace(Whole(loaded.model, loaded.forward).eval(), image, check_trace=False)
        try:
            torch.jit.save(graph, content)
        except RuntimeError as error:
            raise LoadError(f"cannot be written down ({str(error).strip().splitlines()[0]:.120})") from None
    return content.getvalue()


@contextlib.contextmanager
def _transparent_functions() -> Iterator[None]:
    """Functions with a backward pass of their own as the operators in them: the tracer takes them for opaque."""
    function = torch.autograd.Function
    original = function.__dict__["apply"]

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if cls.setup_context is not function.setup_context:
            return cls.forward(*args, **kwargs)
        return cls.forward(FunctionCtx(), *args, **kwargs)

    function.apply = classmethod(apply)  # type: ignore[assignment]
    try:
        yield
    finally:
        function.apply = original


def load(source: TracedSource, setting: Setting) -> LoadedModel:
    """The graph in the graph slot. Raises LoadError."""
    if setting.graph is None:
        raise LoadError("there is no slot for a traced network")
    content = graph_archive.checked(setting.graph.read_bytes())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # newer torch prefers torch.export, which cannot run every network
            graph = _load(content, setting.device)
    except RuntimeError as error:
        raise LoadError(
            f"the traced network cannot be read ({str(error).strip().splitlines()[-1]:.200})"
        ) from None
    hidden = sorted({kind for kind in _kinds(graph.inlined_graph) if not graph_archive.is_watched(kind)})
    if hidden:
        raise LoadError(f"the traced network does work where it cannot be counted ({', '.join(hidden[:3])})")
    model = Traced(graph)
    return LoadedModel(model, model, source.data_range)


def _load(content: bytes, device: torch.device) -> Any:
    try:
        return torch.jit.load(io.BytesIO(content), map_location=device)
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        import torchvision.ops  # noqa: F401 - it registers its operators

        return torch.jit.load(io.BytesIO(content), map_location=device)


def _kinds(block: Any) -> Iterator[str]:
    """The kinds of all operators in a graph, those in branches and loops included."""
    for node in block.nodes():
        yield node.kind()
        for inner in node.blocks():
            yield from _kinds(inner)
