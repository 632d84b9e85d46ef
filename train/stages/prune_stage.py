"""Iterative pruning inside a stage: prune, fine-tune, look at the quality, go on or go back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from train.networks import Blueprint, State
from train.schema.recipe import Prune
from train.stages.prune_channels import chain_widths, prune_chains, scheduled_widths


class Pruner:
    """When to prune, and the last network that was good enough.

    Pruning `e` of `events` comes before step (e-1) * steps / events; each network is judged when its
    fine-tuning ends: before the next pruning, and at the end of the stage.
    """

    def __init__(self, spec: Prune, steps: int) -> None:
        self.spec, self.steps = spec, steps
        self.events_done = 0
        self.stopped = False
        self.start_widths: list[int] = []
        self.baseline_db = float("nan")
        self.good: tuple[Blueprint, State] | None = None

    def due(self, step: int) -> bool:
        """Whether a pruning, or its judgement, comes before `step`."""
        return not self.stopped and step == self.next_step()

    def next_step(self) -> int:
        """The step before which the next pruning comes; `steps` after the last."""
        return self.events_done * self.steps // self.spec.events

    def judge(self, plan: Blueprint, state: State, psnr_db: float) -> bool:
        """Take note of a fine-tuned network; False when it is too bad: `good` is then what to go back to."""
        if self.good is None:
            self.baseline_db = psnr_db
            self.start_widths = chain_widths(state, self.spec.chains)
        elif psnr_db < self.baseline_db - self.spec.max_drop_db:
            self.stopped = True
            return False
        self.good = (plan, state)
        return True

    def pruned(self, plan: Blueprint, state: State) -> tuple[Blueprint, State]:
        """The next, narrower network."""
        self.events_done += 1
        widths = scheduled_widths(self.start_widths, self.spec.final, self.events_done, self.spec.events)
        narrower = prune_chains(state, self.spec.chains, widths)
        return plan.changed(args={self.spec.argument: widths}, imports={}), narrower

    def state_dict(self) -> dict[str, Any]:
        """For resuming."""
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
        """Go on from what `state_dict` gave."""
        self.events_done, self.stopped = saved["events_done"], saved["stopped"]
        self.start_widths, self.baseline_db = saved["start_widths"], saved["baseline_db"]
        if "blueprint" in saved:
            self.good = (Blueprint(**json.loads(saved["blueprint"])), saved["params"])
