"""Counting a network's complexity in the worker: one real forward pass, read by every counter.

The official code runs two forward passes (activations, then fvcore). Here one hooked pass on noise gives
the activations, torch's own count, what every operator returned and which modules were called. fvcore then
traces the network while a dispatch mode answers each operator with an empty tensor of the shape that the
real pass returned (`Replay`), so its graph is that of a real trace without the work; where the traced run
departs from the real one, it is repeated in full. thop's formulas are applied to the recorded calls of the
modules, so thop's buffers and hooks never touch the network. Two smaller passes, on a crop of a real image
and on noise of the crop's size, show networks whose work depends on the input or its size.

Everything here runs beside the submission's code and can be lied to by it; `eval.doubts` judges the
outcome.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
import warnings
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from eval.protocol.complexity_report import (
    CROP_HEIGHT,
    CROP_WIDTH,
    SIZE,
    Complexity,
    Counter,
    PassCounts,
)
from eval.protocol.operators import heavy_operators

_NOISE_SEED = 20240521
_CONVS = (nn.Conv2d, nn.ConvTranspose2d)
# Operators without arithmetic: views, copies, allocation. Everything else that is not counted is reported.
_MOVES = """
alias arange as_strided as_strided_ cat channel_shuffle chunk clone constant_pad_nd contiguous copy_
detach empty empty_like empty_strided expand fill_ flip full full_like index lift_fresh masked_fill
narrow new_empty new_zeros ones ones_like permute pixel_shuffle pixel_unshuffle reflection_pad2d
repeat replication_pad2d reshape roll select slice split split_with_sizes squeeze stack t transpose
unbind unfold unsafe_split unsqueeze upsample_nearest2d view zeros zeros_like _local_scalar_dense
_reshape_alias _to_copy _unsafe_view
"""
_FREE = frozenset("aten::" + name for name in _MOVES.split())
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


def count(model: nn.Module, data_range: float, device: torch.device, crop: Tensor | None) -> Complexity:
    """Count parameters, buffers, MACs by three counters, activations and convolutions.

    model:      the network, on `device`; hooks, attributes, train/eval flags, state_dict and random state
                are as before when this returns.
    data_range: 1.0 or 255.0; the noise is uniform in 0..data_range, float32.
    crop:       3xHxW or 1x3xHxW of a real image in 0..data_range, or None; mirrored or cut to 64x320.
    A network or counter that raises never raises here: the figure is None and the reason is kept.
    """
    seconds: dict[str, float] = {}
    noise = _noise(SIZE, SIZE, data_range, device)
    cuda = [device] if device.type == "cuda" else []
    with _evaluating(model), torch.no_grad(), torch.random.fork_rng(cuda):
        with _timed(seconds, "noise"):
            record, failure = _observe(model, noise)
        on_crop, on_noise, crop_failure = None, None, ""
        if crop is not None:
            with _timed(seconds, "crop"):
                on_crop, crop_failure = _observe(model, fit(crop).to(device))
                on_noise, _ = _observe(model, _noise(CROP_HEIGHT, CROP_WIDTH, data_range, device))
        fvcore, thop, own = Counter(reason=failure), Counter(reason=failure), Counter(reason=failure)
        if record is not None:
            with _timed(seconds, "fvcore"):
                fvcore = _guarded(lambda: _fvcore(model, noise, record))
            with _timed(seconds, "thop"):
                thop = _guarded(lambda: _thop(model, record))
            own = Counter(record.macs, unknown=record.uncounted())
    return Complexity(
        parameters=sum(p.numel() for p in model.parameters()),
        buffers=sum(b.numel() for b in model.buffers()),
        fvcore=fvcore,
        thop=thop,
        torch=own,
        noise=None if record is None else record.counts(),
        crop=None if on_crop is None else on_crop.counts(),
        crop_noise=None if on_noise is None else on_noise.counts(),
        failure=failure,
        crop_failure=crop_failure,
        uncalled=() if record is None else record.uncalled,
        unread_parameters=0 if record is None else record.unread_parameters(model),
        weights_elsewhere=0 if record is None else record.weights_elsewhere(),
        seconds=seconds,
    )


def recount(model: nn.Module, image: Tensor) -> tuple[Any, int, int, list[str]]:
    """The output for `image`, its multiply-accumulates by torch's formulas, the weights there are, and operators
    that may do much work and have no formula.

    Weights are the elements of `model.parameters()` and of tensors from elsewhere that products read.
    """
    record = Record(model, image)
    with torch.no_grad(), record:
        output = model(image)
    weights = sum(p.numel() for p in model.parameters()) + record.weights_elsewhere()
    return output, record.macs, weights, sorted(heavy_operators(record.uncounted()))


def fit(crop: Tensor) -> Tensor:
    """A 1x3x64x320 tensor from a 3xHxW or 1x3xHxW image: cut at the bottom right, mirrored where too
    small.

    Raises ValueError for another shape.
    """
    image = crop if crop.ndim == 4 else crop.unsqueeze(0)
    if image.ndim != 4 or image.shape[:2] != (1, 3) or 0 in image.shape:
        raise ValueError(f"crop of shape {tuple(crop.shape)}: expected 3xHxW or 1x3xHxW")
    rows, columns = _mirrored(image.shape[2], CROP_HEIGHT), _mirrored(image.shape[3], CROP_WIDTH)
    return image[:, :, rows][:, :, :, columns].contiguous().float()


def _noise(height: int, width: int, data_range: float, device: torch.device) -> Tensor:
    """Uniform noise, 1x3xHxW; seeded apart, so that the process's random state stays as it is."""
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    return (torch.rand(1, 3, height, width, generator=generator) * data_range).to(device)


def _mirrored(length: int, wanted: int) -> Tensor:
    """Indices 0..length-1, length-1..0, 0.. and so on, `wanted` of them."""
    index = torch.arange(wanted) % (2 * length)
    return torch.where(index < length, index, 2 * length - 1 - index)


@contextlib.contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """eval() during the block; the flags are put back one by one, since train() may be overridden."""
    flags = [(module, module.training) for module in model.modules()]
    if any(training for _, training in flags):
        model.eval()
    try:
        yield
    finally:
        for module, training in flags:
            module.training = training


def _reason(error: Exception) -> str:
    first = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _guarded(counter: Callable[[], Counter]) -> Counter:
    try:
        return counter()
    except Exception as error:  # a counter's failure is an answer, whatever it raises
        return Counter(reason=_reason(error))


# --- one real pass, everything about it recorded --------------------------------------------------


class _Mode(TorchDispatchMode):
    """A dispatch mode that torch does not wrap for its compiler, whose import takes 1.5 s or more."""

    # Higher-order operators (flex_attention, Triton kernels) pass through and are reported by name.
    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class Record(_Mode):
    """Sees every operator of a forward pass, below the modules, and every call of a module."""

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        super().__init__()
        self._flop = 0
        self.returned: list[tuple[str, Any]] = []
        self.calls: list[tuple[nn.Module, Any, Any]] = []
        self.uncalled: tuple[str, ...] = ()
        self._modules = set(model.modules())
        self._operators: Tally[str] = Tally()
        self._conv_elements = self._conv_calls = 0
        self._parameters = {_storage(p) for p in model.parameters()}
        self._read: set[int] = set()
        self._made = {_storage(image)}
        self._foreign_weights: dict[int, int] = {}
        self._formulas = _formulas()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = getattr(func, "overloadpacket", None)
        parts = _decomposed(self, func, packet in self._formulas, args, kwargs)
        if parts is not NotImplemented:
            return parts
        result = func(*args, **kwargs)
        name = _name(func)
        inputs, outputs = _tensors((args, kwargs)), _tensors(result)
        self._operators[name] += 1
        self._follow(inputs, outputs, weighs=packet in self._formulas)
        if packet in self._formulas:
            self._flop += int(self._formulas[packet](*args, **kwargs, out_val=result))
        if not (_bookkeeping(inputs, outputs) or _is_view(func)):
            self.returned.append((name, _describe(result, inputs)))
        if name == "aten::convolution" and outputs[0].ndim == 4:
            self._conv_calls += 1
            self._conv_elements += outputs[0].numel()
        return result

    def _follow(self, inputs: list[Tensor], outputs: list[Tensor], weighs: bool) -> None:
        """Note which parameters were read, and factors of products that came from nowhere."""
        seen = {_storage(tensor) for tensor in inputs}
        self._read |= seen & self._parameters
        # A view shares its storage: only new storages were made here.
        self._made |= {_storage(tensor) for tensor in outputs} - seen
        if weighs:
            for tensor in inputs:
                storage = _storage(tensor)
                if tensor.is_floating_point() and storage not in self._made | self._parameters:
                    largest = max(self._foreign_weights.get(storage, 0), tensor.numel())
                    self._foreign_weights[storage] = largest

    def called(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Forward hook of all modules: note the shapes of one call of a module of this network."""
        if module in self._modules:
            self.calls.append((module, _shapes(inputs), _shapes(output)))

    def uncounted(self) -> dict[str, int]:
        """Operators that torch's counter gives no operations, views and copies left out."""
        known = {getattr(packet, "_qualified_op_name", "") for packet in self._formulas}
        return {name: times for name, times in self._operators.items() if name not in known | _FREE}

    @property
    def macs(self) -> int:
        """Multiply-accumulates by torch's formulas, which count a multiplication and an addition as two."""
        return self._flop // 2

    def counts(self) -> PassCounts:
        """The sums of this pass."""
        convs = [math.prod(output) for module, _, output in self.calls if isinstance(module, _CONVS)]
        return PassCounts(self.macs, sum(convs), len(convs), self._conv_elements, self._conv_calls)

    def unread_parameters(self, model: nn.Module) -> int:
        """Elements of parameters that no operator read."""
        return sum(p.numel() for p in model.parameters() if _storage(p) not in self._read)

    def weights_elsewhere(self) -> int:
        """Elements of floating-point factors that are neither parameters nor made in this pass."""
        return sum(self._foreign_weights.values())


def _observe(model: nn.Module, image: Tensor) -> tuple[Record | None, str]:
    """One forward pass under all observers; the record, or None and the reason of the failure."""
    from torch.nn.modules.module import register_module_forward_hook

    record = Record(model, image)
    # A hook on all modules of the process leaves the network itself untouched.
    handle = register_module_forward_hook(record.called)
    try:
        with record:
            model(image)
    except Exception as error:  # strangers' code may raise anything
        return None, _reason(error)
    finally:
        handle.remove()
    record.uncalled = _uncalled(model, {module for module, _, _ in record.calls})
    return record, ""


def _uncalled(model: nn.Module, called: set[nn.Module]) -> tuple[str, ...]:
    return tuple(
        name or "(the network)"
        for name, module in model.named_modules()
        if module not in called
        and not isinstance(module, _CONTAINERS)
        and any(True for _ in module.parameters(recurse=False))
    )


def _formulas() -> dict[Any, Callable[..., int]]:
    """torch's own counter: its formula per operator, those of `torch.utils.flop_counter.FlopCounterMode`."""
    from torch.utils.flop_counter import flop_registry

    return dict(flop_registry)


def _name(func: Any) -> str:
    packet = getattr(func, "overloadpacket", None)
    return str(getattr(packet, "_qualified_op_name", func))


def _decomposed(mode: TorchDispatchMode, func: Any, counted: bool, args: Any, kwargs: Any) -> Any:
    """Run a composite operator by its parts, as torch's counter does; NotImplemented for any other.

    Composite operators arrive whole only under inference_mode, where torch skips their usual expansion.
    """
    if counted or not hasattr(func, "decompose") or func is torch.ops.prim.device.default:
        return NotImplemented
    with mode:
        return func.decompose(*args, **kwargs)


def _tensors(tree: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists and dicts."""
    if isinstance(tree, Tensor):
        return [tree]
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, (tuple, list)):
        return []
    return [tensor for part in tree for tensor in _tensors(part)]


def _shapes(tree: Any) -> Any:
    """The same nesting of tuples and lists with tensors replaced by their shapes."""
    if isinstance(tree, Tensor):
        return tree.shape
    if isinstance(tree, (tuple, list)):
        return tuple(_shapes(part) for part in tree)
    return tree if isinstance(tree, (int, float, str)) else None


def _storage(tensor: Tensor) -> int:
    """Identity of a tensor's memory; sparse and other tensors without one share 0."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return 0


# --- fvcore, traced over a replay of the real pass ------------------------------------------------


class ReplayMismatchError(RuntimeError):
    """The traced run called other operators than the real one."""


def _bookkeeping(inputs: list[Tensor], outputs: list[Tensor]) -> bool:
    """Whether an operator handles single numbers only: tracing adds such operators, for sizes."""
    return all(tensor.ndim == 0 for tensor in (*inputs, *outputs))


def _is_view(func: Any) -> bool:
    """Whether an operator is a view: free to run, and tracing adds slices that eager mode skips."""
    return bool(getattr(func, "is_view", False))


def _describe(result: Any, inputs: list[Tensor]) -> Any:
    """What it takes to return the like of `result`: layout, number of an input returned, or value."""
    if isinstance(result, Tensor):
        for number, tensor in enumerate(inputs):
            if tensor is result:
                return ("input", number)
        if result.ndim == 0:
            return ("value", result.detach().clone())
        return ("layout", result.shape, result.stride(), result.dtype, result.device)
    if isinstance(result, (tuple, list)):
        return ("sequence", type(result), [_describe(part, inputs) for part in result])
    return ("value", result)


def _rebuild(described: Any, inputs: list[Tensor]) -> Any:
    kind = described[0]
    if kind == "input":
        return inputs[described[1]]
    if kind == "layout":
        _, shape, stride, dtype, device = described
        return torch.empty_strided(shape, stride, dtype=dtype, device=device)
    if kind == "sequence":
        return described[1](_rebuild(part, inputs) for part in described[2])
    return described[1].clone() if isinstance(described[1], Tensor) else described[1]


class Replay(_Mode):
    """Answers each operator with an empty tensor laid out as the recorded pass's; nothing is computed.

    Memory is reserved, never touched. Raises ReplayMismatchError where the operators differ from the
    record.
    """

    def __init__(self, record: Record) -> None:
        super().__init__()
        # Whether a convolution with padding by name runs, which the tracer sees as one operator.
        self.mode_convs = False
        self._expected = iter(record.returned)
        self._formulas = _formulas()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        parts = _decomposed(self, func, getattr(func, "overloadpacket", None) in self._formulas, args, kwargs)
        if parts is not NotImplemented:
            return parts
        if _is_view(func):
            return func(*args, **kwargs)
        inputs = _tensors((args, kwargs))
        if _bookkeeping(inputs, []) and (inputs or _name(func) in _SCALAR_FACTORIES):
            result = func(*args, **kwargs)
            if _bookkeeping([], _tensors(result)):
                return result
        name, described = next(self._expected, ("nothing", None))
        asked = self._convolution(_name(func))
        if name != asked:
            raise ReplayMismatchError(f"{_name(func)} where {name} was recorded")
        return _rebuild(described, inputs)

    def _convolution(self, asked: str) -> str:
        """The recorded name of an operator; a convolution must have been traced (`_TracedConvs`)."""
        if asked == "aten::convolution" and not self.mode_convs:
            raise ReplayMismatchError("a convolution that the trace does not show")
        return "aten::convolution" if asked == "aten::_convolution" else asked

    def finish(self) -> None:
        """Raise ReplayMismatchError unless the whole record was used."""
        name, _ = next(self._expected, ("", None))
        if name:
            raise ReplayMismatchError(f"the traced run ended where {name} was recorded")


class _TracedConvs(TorchFunctionMode):
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


def _fvcore(model: nn.Module, image: Tensor, record: Record) -> Counter:
    """fvcore's count; replayed where that works, else with a second real pass."""
    try:
        replay = Replay(record)
        with _TracedConvs(replay):
            found = _trace(model, image, replay)
        replay.finish()
    except Exception:  # the replay is a short cut only: anything it trips over is settled by a real trace
        found = _trace(model, image, contextlib.nullcontext())
    return found


@functools.cache
def _fvcore_analysis() -> Any:
    from fvcore.nn import FlopCountAnalysis

    return FlopCountAnalysis


@functools.cache
def _thop_formulas() -> Any:
    from thop.profile import register_hooks

    return register_hooks


def import_counters() -> None:
    """Keep hold of fvcore and thop, before a team's code can put others in their place.

    One that cannot be imported says so when it is to count.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for counter in (_fvcore_analysis, _thop_formulas):
            with contextlib.suppress(Exception):
                counter()


def _trace(model: nn.Module, image: Tensor, context: contextlib.AbstractContextManager[Any]) -> Counter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = _fvcore_analysis()(model, image)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        with _hooks_restored(model), context:
            total = analysis.total()
    return Counter(int(total), unknown=dict(analysis.unsupported_ops()))


@contextlib.contextmanager
def _hooks_restored(model: nn.Module) -> Iterator[None]:
    """fvcore leaves its hooks behind when the trace raises: drop what was not there before."""
    tables = [table for m in model.modules() for table in (m._forward_hooks, m._forward_pre_hooks)]
    before = [set(table) for table in tables]
    try:
        yield
    finally:
        for table, keys in zip(tables, before, strict=True):
            for key in set(table) - keys:
                del table[key]


# --- thop's formulas over the recorded calls ------------------------------------------------------


class _Tallied:
    """Stands for a module in thop's formulas, which add to an attribute `total_ops` of the module."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.total_ops = torch.zeros(1, dtype=torch.float64)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _thop(model: nn.Module, record: Record) -> Counter:
    """thop's count: its formulas over the recorded calls, summed the way `thop.profile` does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        formulas = _thop_formulas()
    tallies: dict[nn.Module, _Tallied] = {}
    unknown: Tally[str] = Tally()
    for module, inputs, output in record.calls:
        formula = formulas.get(type(module))
        if formula is not None:
            tally = tallies.setdefault(module, _Tallied(module))
            formula(tally, _like(inputs), _like(output))
        elif not any(True for _ in module.children()) and not isinstance(module, nn.Identity):
            unknown[type(module).__name__] += 1

    def total(module: nn.Module) -> float:
        own = float(tallies[module].total_ops.item()) if module in tallies else 0.0
        return own + sum(
            float(tallies[child].total_ops.item())
            if child in tallies and not isinstance(child, (nn.Sequential, nn.ModuleList))
            else total(child)
            for child in module.children()
        )

    return Counter(int(total(model)), unknown=dict(unknown))


def _like(shapes: Any) -> Any:
    """Tensors without memory in place of shapes."""
    if isinstance(shapes, torch.Size):
        return torch.empty(shapes, device="meta")
    if isinstance(shapes, tuple):
        return tuple(_like(part) for part in shapes)
    return shapes


# --- how fast the device is -----------------------------------------------------------------------
