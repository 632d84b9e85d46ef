"""Which operators may hide real work from a counter: by name, for the worker and for the parent."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Operators that do much arithmetic, by words in their names; everything element by element is left to the list.
_HEAVY = re.compile(
    r"conv|matmul|attention|transformer|einsum|fft|lstm|gru|rnn|linalg(?!_(vector_|matrix_)?norm)|(?<!bi)(?<!tri)linear(?!_to)|tensordot|cdist|deform"
    r"|(^|_)(mm|bmm|mv|dot|vdot|addmm|addbmm|baddbmm|addmv|addr|outer|ger|kron|bilinear|trilinear)($|_)"
)
_LIGHT = re.compile(r"^_?(upsample|interpolate|grid_sampler)")


def heavy_operators(unknown: Mapping[str, int]) -> dict[str, int]:
    """Those of a counter's unknown operators that may hide real work.

    Convolutions, products, attention and transforms by name, and every operator that is not torch's own
    (`aten::`): custom operators and Python functions are opaque, so nothing can be assumed about them.
    """
    return {name: times for name, times in unknown.items() if _is_heavy(name)}


def _is_heavy(name: str) -> bool:
    namespace, _, operator = name.partition("::")
    if namespace != "aten":
        return namespace not in ("prims", "prim", "profiler") or operator.startswith(
            ("PythonOp", "CallFunction")
        )
    return not _LIGHT.search(operator) and bool(_HEAVY.search(operator))
