"""A second pass without the work: each operator answers with an empty tensor like that of a recorded pass.

fvcore traces the network during such a replay, so its graph is that of a real trace. If the traced run departs from the
recorded one, ReplayMismatchError ends the replay and the caller repeats the trace in full.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.overrides import TorchFunctionMode

from eval.worker.counters import dispatch
from eval.worker.counters.formulas import Formulas
from eval.worker.counters.recorder import Recorder, rebuilt


class ReplayMismatchError(RuntimeError):
    """The traced run called other operators than the real one."""


class Replay(dispatch.WatchingMode):
    """Answers each operator with an empty tensor laid out as the recorded pass's; nothing is computed.

    Memory is reserved, never touched. Raises ReplayMismatchError if the operators differ from the record.
    """

    def __init__(self, record: Recorder) -> None:
        super().__init__()
        # Whether a convolution with padding by name runs, which the tracer sees as one operator.
        self.mode_convs = False
        self._expected = iter(record.returned)
        self._formulas = Formulas()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        parts = dispatch.decomposed(self, func, self._formulas.knows(func), args, kwargs)
        if parts is not NotImplemented:
            return parts
        if dispatch.is_view(func):
            return func(*args, **kwargs)
        inputs = dispatch.tensors_in((args, kwargs))
        if dispatch.handles_single_numbers(inputs, []) and (
            inputs or dispatch.operator_name(func) in _SCALAR_FACTORIES
        ):
            result = func(*args, **kwargs)
            if dispatch.handles_single_numbers([], dispatch.tensors_in(result)):
                return result
        name, described = next(self._expected, ("nothing", None))
        asked = self._convolution(dispatch.operator_name(func))
        if name != asked:
            raise ReplayMismatchError(f"{dispatch.operator_name(func)} where {name} was recorded")
        return rebuilt(described, inputs)

    def _convolution(self, asked: str) -> str:
        """The recorded name of an operator; a convolution must have been traced (`TracedConvolutions`)."""
        if asked == "aten::convolution" and not self.mode_convs:
            raise ReplayMismatchError("a convolution that the trace does not show")
        return "aten::convolution" if asked == "aten::_convolution" else asked

    def finish(self) -> None:
        """Raise ReplayMismatchError unless the whole record was used."""
        name, _ = next(self._expected, ("", None))
        if name:
            raise ReplayMismatchError(f"the traced run ended where {name} was recorded")


class TracedConvolutions(TorchFunctionMode):
    """Calls convolutions by the operator that torch's tracer records, `_convolution`.

    The tracer has no kernel for `convolution`: in a real trace the `_convolution` inside it is recorded, in
    a replay nothing inside it runs.
    """

    _SPATIAL: ClassVar[dict[Any, int]] = {
        torch.conv1d: 1,
        torch.conv2d: 2,
        torch.conv3d: 3,
        torch.conv_transpose1d: 1,
        torch.conv_transpose2d: 2,
        torch.conv_transpose3d: 3,
    }

    def __init__(self, replay: Replay) -> None:
        super().__init__()
        self._replay = replay

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in self._SPATIAL:
            return func(*args, **kwargs)
        transposed = func.__name__.startswith("conv_transpose")
        given = (_transposed_arguments if transposed else _conv_arguments)(*args, **kwargs)
        tensors, stride, padding, dilation, output_padding, groups = given
        if isinstance(padding, str):
            self._replay.mode_convs = True
            try:
                return func(*args, **kwargs)
            finally:
                self._replay.mode_convs = False
        stride, padding, dilation, output_padding = (
            [value] * self._SPATIAL[func] if isinstance(value, int) else list(value)
            for value in (stride, padding, dilation, output_padding)
        )
        return torch.ops.aten._convolution(
            *tensors, stride, padding, dilation, transposed, output_padding, groups, False, False, True, True
        )


def _conv_arguments(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Any, ...]:
    """The arguments of torch.conv1d, 2d and 3d, named as torch names them."""
    return (input, weight, bias), stride, padding, dilation, 0, groups


def _transposed_arguments(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> tuple[Any, ...]:
    """The arguments of torch.conv_transpose1d, 2d and 3d, named as torch names them."""
    return (input, weight, bias), stride, padding, dilation, output_padding, groups


_SCALAR_FACTORIES = frozenset({"aten::scalar_tensor", "aten::lift_fresh", "prim::device"})
