"""The prune stage: prune, fine-tune, compare the quality, then go on or go back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from train.networks import Blueprint, State
from train.schema.fields import Prune
from train.stages.prune_channels import chain_widths, prune_chains, scheduled_widths


class Pruner:
    """When to prune, and the last network that was good enough.

    Pruning `e` of `events` comes before step (e-1) * steps / events. Each network is judged when its fine-tuning
    ends: before the next pruning, and at the end of the stage.
    """

    def __init__(self, spec: Prune, steps: int) -> None:
        self.spec, self.steps = spec, steps
        self.events_done = 0
        self.stopped = False
        self.start_widths: list[int] = []
        self.baseline_db = float("nan")
        self.good: tuple[Blueprint, State] | None = None

    def due(self, step: int) -> bool:
        """Whether a pruning comes before `step`."""
        return not self.stopped and step == self.next_step()

    def next_step(self) -> int:
        """The step that the next pruning precedes; `steps` after the last pruning."""
        return self.events_done * self.steps // self.spec.events

    def judge(self, plan: Blueprint, state: State, psnr_db: float) -> bool:
        """Whether a fine-tuned network is good enough. If so, it becomes `good`; if not, go back to `good`."""
        if self.good is None:
            self.baseline_db = psnr_db
            self.start_widths = chain_widths(state, self.spec.chains)
        elif psnr_db < self.baseline_db - self.spec.max_drop_db:
            self.stopped = True
            return False
        self.good = (plan, state)
        return True

    def pruned(self, plan: Blueprint, state: State) -> tuple[Blueprint, State]:
        """The next network, with fewer channels."""
        self.events_done += 1
        widths = scheduled_widths(self.start_widths, self.spec.final, self.events_done, self.spec.events)
        narrower = prune_chains(state, self.spec.chains, widths)
        return plan.changed(args={self.spec.argument: widths}, imports={}), narrower

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs."""
        saved: dict[str, Any] = {
            "events_done": self.events_done,
            "stopped": self.stopped,
            "start_widths": self.start_widths,
            "baseline_db": self.baseline_db,
        }
        if self.good is not None:
            saved |= {"blueprint": json.dumps(asdict(self.good[0])), "params": self.good[1]}
        return saved

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.events_done, self.stopped = saved["events_done"], saved["stopped"]
        self.start_widths, self.baseline_db = saved["start_widths"], saved["baseline_db"]
        if "blueprint" in saved:
            self.good = (Blueprint(**json.loads(saved["blueprint"])), saved["params"])
