"""NVIDIA's management library (NVML), opened only if it is needed; a missing driver is no error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

_T = TypeVar("_T")


@contextlib.contextmanager
def library() -> Iterator[Any | None]:
    """pynvml between init and shutdown; None if the package or the driver is missing."""
    nvml: Any | None = None
    try:
        import pynvml  # only where a GPU may be

        pynvml.nvmlInit()
        nvml = pynvml
    except Exception:  # no package, no driver, no permission: all mean that there is nothing to read
        nvml = None
    try:
        yield nvml
    finally:
        if nvml is not None:
            with contextlib.suppress(Exception):
                nvml.nvmlShutdown()


def ask(question: Callable[[], _T]) -> _T | None:
    """The answer to an NVML query; None if this GPU or driver does not support the query."""
    try:
        return question()
    except Exception:  # pynvml raises one class per error code; each means "no figure"
        return None


def nvml_text(value: Any) -> str:
    """A text that NVML gave; older bindings give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
