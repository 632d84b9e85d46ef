"""One forward pass, with everything about it recorded: operators, modules, work and weights."""

from __future__ import annotations

import math
from collections import Counter as Tally
from typing import Any

import torch
from torch import Tensor, nn

from eval.protocol.complexity_report import PassCounts
from eval.protocol.operators import MOVES
from eval.worker.counters import dispatch
from eval.worker.counters.formulas import Formulas
from eval.worker.counters.products import ProductWatch
from eval.worker.counters.weights import WeightWatch

_CONVS = (nn.Conv2d, nn.ConvTranspose2d)
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


class Recorder(dispatch.WatchingMode):
    """Sees every operator of a forward pass, below the modules, and every call of a module.

    macs: by formulas for operators, torch's own and the project's. touched: elements of all other operators but moves.
    returned: what each operator returned, for a replay.
    calls: modules with the shapes of their inputs and outputs. uncalled: names of modules that were never called.
    """

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        super().__init__()
        self.macs = self.touched = 0
        self.returned: list[tuple[str, Any]] = []
        self.calls: list[tuple[nn.Module, Any, Any]] = []
        self.uncalled: tuple[str, ...] = ()
        self.weights = WeightWatch(model, image)
        self.products = ProductWatch()
        self._modules = set(model.modules())
        self._operators: Tally[str] = Tally()
        self._conv_elements = self._conv_calls = 0
        self._formulas = Formulas()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        counted = self._formulas.knows(func)
        parts = dispatch.decomposed(self, func, counted, args, kwargs)
        if parts is not NotImplemented:
            return parts
        result = func(*args, **kwargs)
        name = dispatch.operator_name(func)
        inputs, outputs = dispatch.tensors_in((args, kwargs)), dispatch.tensors_in(result)
        self._operators[name] += 1
        writes = func._schema.is_mutable
        self.weights.see(name, args, kwargs, outputs, weighs=counted, writes=writes)
        self.products.see(name, inputs, outputs)
        if counted:
            self.macs += self._formulas.macs(func, args, kwargs, result)
        elif name not in MOVES:
            self.touched += max((one.numel() for one in (*inputs, *outputs)), default=0)
        if not (dispatch.handles_single_numbers(inputs, outputs) or dispatch.is_view(func)):
            self.returned.append((name, description(result, inputs)))
        if name == "aten::convolution" and outputs[0].ndim == 4:
            self._conv_calls += 1
            self._conv_elements += outputs[0].numel()
        return result

    def called(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Forward hook of all modules: note the shapes of one call of a module of this network."""
        if module in self._modules:
            self.calls.append((module, dispatch.shapes_in(inputs), dispatch.shapes_in(output)))

    def uncounted(self) -> dict[str, int]:
        """Operators without a formula, views and copies left out."""
        known = self._formulas.names | MOVES
        return {name: times for name, times in self._operators.items() if name not in known}

    def counts(self) -> PassCounts:
        """The sums of this pass."""
        convs = [math.prod(output) for module, _, output in self.calls if isinstance(module, _CONVS)]
        return PassCounts(
            macs=self.macs,
            activations=sum(convs),
            num_conv=len(convs),
            conv_elements=self._conv_elements,
            conv_calls=self._conv_calls,
            products=self.products.macs,
            touched=self.touched,
        )


def observe(model: nn.Module, image: Tensor) -> tuple[Recorder | None, str]:
    """One forward pass under all observers; the recorder, or None and the reason of the failure."""
    from torch.nn.modules.module import register_module_forward_hook

    recorder = Recorder(model, image)
    # A hook on all modules of the process leaves the network itself untouched.
    handle = register_module_forward_hook(recorder.called)
    try:
        with recorder:
            model(image)
    except Exception as error:  # strangers' code may raise anything
        return None, failure_of(error)
    finally:
        handle.remove()
    recorder.uncalled = _uncalled(model, {module for module, _, _ in recorder.calls})
    return recorder, ""


def failure_of(error: Exception) -> str:
    """The kind of an error and its first line."""
    first = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _uncalled(model: nn.Module, called: set[nn.Module]) -> tuple[str, ...]:
    return tuple(
        name or "(the network)"
        for name, module in model.named_modules()
        if module not in called
        and not isinstance(module, _CONTAINERS)
        and any(True for _ in module.parameters(recurse=False))
    )


def description(result: Any, inputs: list[Tensor]) -> Any:
    """What it takes to return the like of `result`: layout, number of an input returned, or value."""
    if isinstance(result, Tensor):
        for number, tensor in enumerate(inputs):
            if tensor is result:
                return ("input", number)
        if result.ndim == 0:
            return ("value", result.detach().clone())
        return ("layout", result.shape, result.stride(), result.dtype, result.device)
    if isinstance(result, (tuple, list)):
        return ("sequence", type(result), [description(part, inputs) for part in result])
    return ("value", result)


def rebuilt(described: Any, inputs: list[Tensor]) -> Any:
    """The like of what `description` saw; memory is reserved, never touched."""
    kind = described[0]
    if kind == "input":
        return inputs[described[1]]
    if kind == "layout":
        _, shape, stride, dtype, device = described
        return torch.empty_strided(shape, stride, dtype=dtype, device=device)
    if kind == "sequence":
        return described[1](rebuilt(part, inputs) for part in described[2])
    return described[1].clone() if isinstance(described[1], Tensor) else described[1]
