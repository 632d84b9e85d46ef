"""fvcore's counter, the official one: it reads a trace of the network, made over a replay of the recorded pass."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from eval.protocol.complexity_report import Counter
from eval.worker.counters import formulas
from eval.worker.counters.counter import CounterEntry
from eval.worker.counters.recorder import Recorder
from eval.worker.counters.replay import Replay, TracedConvolutions


@functools.cache
def _fvcore() -> tuple[Any, Callable[[Any], Any]]:
    """fvcore's analysis, and its function for the shape of a value in a trace."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis
        from fvcore.nn.jit_handles import get_shape
    return FlopCountAnalysis, get_shape


def _count(model: nn.Module, image: Tensor, recorder: Recorder) -> Counter:
    """Over a replay if that works, otherwise with a second real pass."""
    try:
        replay = Replay(recorder)
        with TracedConvolutions(replay):
            found = read_trace(model, image, replay)
        replay.finish()
    except Exception:  # the replay is a short cut only: anything it trips over is settled by a real trace
        found = read_trace(model, image, contextlib.nullcontext())
    return found


def read_trace(model: nn.Module, image: Tensor, context: contextlib.AbstractContextManager[Any]) -> Counter:
    """fvcore's figure for a trace made in `context`, and beside it the work of operators with a known formula."""
    analysis_of, _ = _fvcore()
    added: Tally[str] = Tally()
    met: Tally[str] = Tally()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = analysis_of(model, image)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        for name, formula in formulas.IN_TRACE.items():
            analysis.set_op_handle(name, _Watched(name, formula, added, met))
        with _hooks_restored(model), context:
            total = analysis.total()
    return Counter(int(total), unknown={**analysis.unsupported_ops(), **met}, added=dict(added))


class _Watched:
    """Handles one operator that fvcore does not know: notes its work, and adds nothing to fvcore's own figure."""

    def __init__(self, name: str, formula: formulas.ShapeFormula, added: Tally[str], met: Tally[str]) -> None:
        self._name, self._formula, self._added, self._met = name, formula, added, met

    def __call__(self, inputs: list[Any], outputs: list[Any]) -> int:
        _, shape_of = _fvcore()
        self._met[self._name] += 1
        with contextlib.suppress(Exception):  # without a shape the operator stays unknown
            shapes = [shape_of(value) for value in inputs]
            self._added[self._name] += self._formula(shapes, shape_of(outputs[0]))
        return 0


@contextlib.contextmanager
def _hooks_restored(model: nn.Module) -> Iterator[None]:
    """fvcore leaves its hooks behind if the trace raises: drop what was not there before."""
    tables = [table for m in model.modules() for table in (m._forward_hooks, m._forward_pre_hooks)]
    before = [set(table) for table in tables]
    try:
        yield
    finally:
        for table, keys in zip(tables, before, strict=True):
            for key in set(table) - keys:
                del table[key]


COUNTER = CounterEntry(_count, prepare=_fvcore)
