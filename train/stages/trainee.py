"""The network that a stage trains, with its optimiser and its average of weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from train.distill import Teacher
from train.ema import Ema
from train.losses import LossTerm, weighted_sum
from train.networks import Blueprint, State
from train.patches import to_float
from train.schedule import constant, cosine, halving, warmup
from train.schema.fields import Loss, Optimizer
from train.schema.stage import Stage


def terms(losses: tuple[Loss, ...]) -> list[LossTerm]:
    """A recipe's losses as callables."""
    return [LossTerm(loss.name, loss.weight, dict(loss.options)) for loss in losses]


def learning_rate(stage: Stage, step: int, steps: int) -> float:
    """The learning rate at `step` of a stage of `steps`."""
    schedule = stage.schedule
    lr = stage.optimizer.lr * warmup(step, steps=schedule.warmup)
    if schedule.name == "cosine":
        return cosine(step, lr=lr, lr_min=schedule.lr_min, steps=steps)
    if schedule.name == "halving":
        return halving(step, lr=lr, at=schedule.at)
    return constant(step, lr=lr)


def make_optimizer(model: nn.Module, spec: Optimizer) -> torch.optim.Optimizer:
    """Adam or AdamW as the recipe says."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[spec.name]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return kind(parameters, lr=spec.lr, betas=spec.betas, weight_decay=spec.weight_decay)


class Trainee:
    """The network being trained, on its device, with its optimiser and its average.

    `plan` describes the network and `state` gives its first parameters. `result` gives the parameters that the
    stage would end with: the average if the stage keeps one.
    """

    def __init__(self, fabric: Fabric, stage: Stage, plan: Blueprint, state: State, seed: int) -> None:
        self.fabric, self.stage, self.seed = fabric, stage, seed
        self.terms = terms(stage.losses)
        self.autocast = stage.precision == "bf16-mixed" and has_bf16(fabric.device)
        self.adopt(plan, state)

    def adopt(self, plan: Blueprint, state: State) -> None:
        """Replace the network by one with these parameters, a fresh optimiser and a fresh average."""
        self.plan = plan
        model = plan.build()
        model.load_state_dict(state, strict=True)
        if self.stage.channels_last:
            model = model.to(memory_format=torch.channels_last)
        self.network, self.optimizer = self.fabric.setup(model, make_optimizer(model, self.stage.optimizer))
        self.model = model
        self.ema = Ema(model, self.stage.ema) if self.stage.ema is not None else None

    def loss(self, number: int, batch: tuple[Tensor, Tensor], teacher: Teacher | None) -> Tensor:
        """The loss of step `number` over this process's share of the batch: a scalar.

        `batch` holds uint8 patches (N, H, W, 3), LR and HR. Randomness in the network (drop path) is seeded from the
        step's number and need not be saved.
        """
        torch.manual_seed(_mix(self.seed, number, self.fabric.global_rank))
        low, high = (to_float(images.to(self.fabric.device, non_blocking=True)) for images in batch)
        if self.stage.channels_last:
            low = low.contiguous(memory_format=torch.channels_last)
        self.network.train()
        with torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.autocast):
            prediction = self.network(low * self.plan.training_range)
        prediction = prediction.float() / self.plan.training_range
        loss = weighted_sum(self.terms, prediction, high)
        return loss if teacher is None else loss + teacher.loss(low, prediction)

    def step(self, number: int, steps: int, loss: Tensor) -> float:
        """Optimiser step `number` of a stage of `steps`, for the result of `loss`. Returns the learning rate."""
        rate = learning_rate(self.stage, number, steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if self.stage.clip_norm is not None:
            self.fabric.clip_gradients(
                self.network, self.optimizer, max_norm=self.stage.clip_norm, error_if_nonfinite=False
            )
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update(self.model)
        return rate

    def is_finite(self) -> bool:
        """Whether every parameter is a finite number."""
        return all(bool(torch.isfinite(parameter).all()) for parameter in self.model.parameters())

    def result(self) -> State:
        """A copy on the CPU of the parameters that the stage would end with now."""
        source = self.model.state_dict() if self.ema is None else self.ema.state_dict()
        return {name: value.detach().cpu().clone() for name, value in source.items()}

    def result_model(self) -> nn.Module:
        """The network with the parameters of `result`, on its device."""
        if self.ema is None:
            return self.model
        model = self.plan.build()
        model.load_state_dict(self.ema.state_dict())
        return model.to(self.fabric.device)

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs, as tensors and plain values."""
        return {
            "blueprint": json.dumps(asdict(self.plan)),
            "params": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.adopt(Blueprint(**json.loads(saved["blueprint"])), saved["params"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.ema is not None:
            self.ema.load_state_dict(saved["ema"])


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes bfloat16 natively. CUDA only: on CPUs float32 is usually faster."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def _mix(*numbers: int) -> int:
    """One seed below 2^61 from several numbers: a polynomial over a prime, so that neighbours differ."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**61 - 1)
    return seed
