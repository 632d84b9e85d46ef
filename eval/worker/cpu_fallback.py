"""Lets code written for CUDA run on the CPU: inside the worker only, and only when its device is the CPU.

Submissions call `.cuda()` in constructors, name `cuda` as device of new tensors, load checkpoints that were saved
on a GPU, or warm themselves up and synchronise. On the CPU these become calls that stay on the CPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_NO_OPERATION = ("synchronize", "empty_cache", "reset_peak_memory_stats", "set_device", "manual_seed", "init")
_ZERO = ("current_device", "max_memory_allocated", "memory_allocated", "max_memory_reserved")


class CudaMeansCpu(TorchFunctionMode):
    """Within this context a CUDA device named in any torch call means the CPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name == "cuda":
            return args[0]
        kwargs = {key: _on_cpu(value) if key == "device" else value for key, value in (kwargs or {}).items()}
        if name == "to":
            args = tuple(_on_cpu(value) for value in args)
        return func(*args, **kwargs)


class _Event:
    """Stands in for torch.cuda.Event where there is no CUDA; its times are not used by the harness."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def record(self, *_args: Any) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, _other: Any) -> float:
        return 0.0


def redirect_cuda() -> CudaMeansCpu:
    """Make `torch.cuda`'s calls harmless for this process; returns the mode to load and run the team's code in."""
    for name in _NO_OPERATION:
        setattr(torch.cuda, name, lambda *_args, **_kwargs: None)
    for name in _ZERO:
        setattr(torch.cuda, name, lambda *_args, **_kwargs: 0)
    torch.cuda.Event = _Event  # type: ignore[misc,assignment]
    torch.nn.Module.cuda = lambda self, _device=None: self  # type: ignore[method-assign,assignment,misc]
    torch.Tensor.cuda = lambda self, *_args, **_kwargs: self  # type: ignore[method-assign,assignment,misc]
    return CudaMeansCpu()


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    if isinstance(value, str) and value.startswith("cuda"):
        return "cpu"
    return value
