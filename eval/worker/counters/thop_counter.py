"""thop's counter: its formulas applied to the recorded calls, so that its hooks and buffers never touch the network."""

from __future__ import annotations

import functools
import warnings
from collections import Counter as Tally
from typing import Any

import torch
from torch import Tensor, nn

from eval.protocol.complexity_report import Counter
from eval.worker.counters.counter import CounterEntry
from eval.worker.counters.recorder import Recorder


@functools.cache
def _formulas() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from thop.profile import register_hooks
    return register_hooks


class _Tallied:
    """Stands for a module in thop's formulas, which add to an attribute `total_ops` of the module."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.total_ops = torch.zeros(1, dtype=torch.float64)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _count(model: nn.Module, _image: Tensor, recorder: Recorder) -> Counter:
    formulas = _formulas()
    tallies: dict[nn.Module, _Tallied] = {}
    unknown: Tally[str] = Tally()
    for module, inputs, output in recorder.calls:
        formula = formulas.get(type(module))
        if formula is not None:
            tally = tallies.setdefault(module, _Tallied(module))
            formula(tally, _like(inputs), _like(output))
        elif not any(True for _ in module.children()) and not isinstance(module, nn.Identity):
            unknown[type(module).__name__] += 1
    return Counter(int(_total(model, tallies)), unknown=dict(unknown))


def _total(module: nn.Module, tallies: dict[nn.Module, _Tallied]) -> float:
    """Summed as `thop.profile` does: below a counted module nothing more counts, containers excepted."""
    own = _tally(module, tallies)
    return own + sum(
        _tally(child, tallies)
        if child in tallies and not isinstance(child, (nn.Sequential, nn.ModuleList))
        else _total(child, tallies)
        for child in module.children()
    )


def _tally(module: nn.Module, tallies: dict[nn.Module, _Tallied]) -> float:
    return float(tallies[module].total_ops.item()) if module in tallies else 0.0


def _like(shapes: Any) -> Any:
    """Tensors without memory in place of shapes."""
    if isinstance(shapes, torch.Size):
        return torch.empty(shapes, device="meta")
    if isinstance(shapes, tuple):
        return tuple(_like(part) for part in shapes)
    return shapes


COUNTER = CounterEntry(_count, prepare=_formulas)
