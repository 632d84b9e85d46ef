"""Decisions that all processes of a run take together, so that none waits for another that has failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as distributed
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from data.errors import InputError
from train.errors import AgreedError

Result = TypeVar("Result")


class Agreement:
    """The common decisions of the processes that `fabric` launched. One process alone decides for itself.

    Every method must be called by all processes in the same order.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.alone = fabric.world_size == 1

    def in_first(self, action: Callable[[], None]) -> None:
        """Run `action` in the first process only. If it fails there, all processes raise AgreedError."""
        self.in_all(lambda: action() if self.fabric.is_global_zero else None)

    def in_all(self, action: Callable[[], Result]) -> Result:
        """Run `action` in every process; its result in this one. It must not wait for other processes.

        If it fails with an InputError in any process, all raise AgreedError with the first such message. After any
        other exception, the process that failed raises it again and the others raise AgreedError.
        """
        result, failure = None, None
        try:
            result = action()
        except Exception as error:  # what others must hear of, whatever it is
            failure = error
        message = self._first_message(failure)
        if failure is not None and not isinstance(failure, InputError):
            raise failure
        if message:
            raise AgreedError(message)
        return result  # type: ignore[return-value]  # it ran to its end

    def _first_message(self, failure: Exception | None) -> str:
        """The message of the failed process with the lowest rank, "" if none failed."""
        if self.alone:
            return "" if failure is None else str(failure)
        rank = self.fabric.global_rank if failure is not None else self.fabric.world_size
        lowest = torch.tensor(rank, device=self.fabric.device)
        distributed.all_reduce(lowest, distributed.ReduceOp.MIN)
        if int(lowest) == self.fabric.world_size:
            return ""
        return self.fabric.broadcast(_told(failure, self.fabric.global_rank), src=int(lowest))

    def mean(self, value: Tensor) -> float:
        """The mean of one number over the processes. It is NaN in all of them if it is NaN in one."""
        if not self.alone:
            value = value.clone()
            distributed.all_reduce(value, distributed.ReduceOp.SUM)
            value /= self.fabric.world_size
        return float(value)

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sums over the processes of arrays of one shape, float64."""
        if self.alone:
            return values
        tensor = torch.from_numpy(values).to(self.fabric.device)
        distributed.all_reduce(tensor, distributed.ReduceOp.SUM)
        return tensor.cpu().numpy()


def _told(failure: Exception | None, rank: int) -> str:
    if failure is None or isinstance(failure, InputError):
        return str(failure)
    return f"process {rank} ended with {type(failure).__name__}: {str(failure).partition(chr(10))[0]}"
