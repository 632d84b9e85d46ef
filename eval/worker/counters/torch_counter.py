"""torch's own counter: its formulas, and the project's, over the operators of the recorded pass."""

from __future__ import annotations

from torch import Tensor, nn

from eval.protocol.complexity_report import Counter
from eval.worker.counters.counter import CounterEntry
from eval.worker.counters.recorder import Recorder


def _count(_model: nn.Module, _image: Tensor, recorder: Recorder) -> Counter:
    return Counter(recorder.macs, unknown=recorder.uncounted())


COUNTER = CounterEntry(_count)
